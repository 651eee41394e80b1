//! `cargo xtask zabbix`: a real Zabbix on loopback, to try and test monitord against.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use zabbix_lab::{Access, Part, Version, ZabbixLab};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which Zabbix: 6.0 or 7.0.
    #[arg(long = "zabbix", default_value = "6.0", global = true)]
    version: Version,
    /// The folder of the lab. By default one in the directory for temporary files, different for
    /// each version and each working copy.
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start what does not run, and print how to get at it. Exits with 69 when this Zabbix cannot
    /// be had.
    Up {
        /// How to print it: shell variables or JSON.
        #[arg(short, long, default_value = "env")]
        output: Format,
    },
    /// End everything that runs of it.
    Down {
        /// Also delete the folder.
        #[arg(long)]
        wipe: bool,
    },
    /// Start a part that was stopped: database, server, frontend or the name of a proxy.
    Start {
        /// The part.
        part: Part,
    },
    /// Stop a part.
    Stop {
        /// The part.
        part: Part,
        /// Without a chance to write anything.
        #[arg(long)]
        kill: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Env,
    Json,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let folder =
        options.folder.clone().unwrap_or_else(|| ZabbixLab::default_folder(options.version));
    match &options.command {
        Command::Up { output } => {
            let lab = ZabbixLab::up(&folder, options.version)?;
            match output {
                Format::Env => print!("{}", variables(&lab)),
                Format::Json => println!("{}", serde_json::to_string_pretty(lab.access())?),
            }
            Ok(())
        }
        Command::Down { wipe: false } => ZabbixLab::down(&folder),
        Command::Down { wipe: true } => ZabbixLab::wipe(&folder),
        Command::Start { part } => ZabbixLab::open(&folder)?.start(part),
        Command::Stop { part, kill: false } => ZabbixLab::open(&folder)?.stop(part),
        Command::Stop { part, kill: true } => ZabbixLab::open(&folder)?.kill(part),
    }
}

/// For `eval "$(cargo xtask zabbix up)"`.
fn variables(lab: &ZabbixLab) -> String {
    let Access { version, api_url, username, password, token, host_group, server_address, .. } =
        lab.access();
    let mut variables = vec![
        ("VERSION".to_owned(), version.clone()),
        ("API_URL".to_owned(), api_url.clone()),
        ("USERNAME".to_owned(), username.clone()),
        ("PASSWORD".to_owned(), password.clone()),
        ("TOKEN".to_owned(), token.clone()),
        ("HOST_GROUP".to_owned(), host_group.clone()),
        ("SERVER".to_owned(), server_address.clone()),
        ("SENDER".to_owned(), lab.access().sender.display().to_string()),
        ("DATABASE".to_owned(), lab.access().database.clone()),
        ("FOLDER".to_owned(), lab.folder().display().to_string()),
    ];
    for proxy in &lab.access().proxies {
        let name = proxy.name.to_uppercase().replace('-', "_");
        variables.push((format!("{name}_ID"), proxy.id.clone()));
        variables.push((name, proxy.address.clone()));
    }
    if let Some(group) = &lab.access().proxy_group {
        variables.push(("PROXY_GROUP".to_owned(), group.name.clone()));
    }
    variables.iter().map(|(name, value)| format!("export ZABBIX_{name}='{value}'\n")).collect()
}
