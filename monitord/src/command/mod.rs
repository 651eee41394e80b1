//! What each subcommand does.

#[cfg(feature = "bench")]
mod bench_delivery;
mod check_definitions;
mod check_now;
mod compare;
mod daemon;
mod debug;
mod doctor;
mod generate;
mod lines;
mod log_level;
mod migrate;
mod once;
mod parse;
mod platforms;
mod probe;
mod reload;
mod run;
mod spool;
mod top;
mod validate;
mod zabbix_lines;
mod zabbix_role;
mod zabbix_template;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use driver_cli::DefinitionFile;

use crate::app::Parts;
use crate::cli::{
    Command, CompareArgs, ConfigArgs, DebugArgs, LinesArgs, LogArgs, OnceArgs, ParseArgs,
    PlatformsArgs, ProbeArgs, SpoolArgs, TemplateArgs, ValidateArgs, ZabbixArgs, ZabbixCommand,
};
use crate::settings::{self, Environment, Invalid, Settings};
use crate::telemetry::{self, LogControl, LogSettings};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok,
    /// Some check could not be carried out, or the process failed.
    Failed,
    /// Wrong usage.
    Usage,
    /// Wrong configuration: `EX_CONFIG` of `sysexits.h`.
    Config,
}

impl Exit {
    /// How the process ends after `error`.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if error.is::<Invalid>() {
            Self::Config
        } else if error.is::<Usage>() {
            Self::Usage
        } else {
            Self::Failed
        }
    }
}

/// What to say about `error`: problems of the configuration as they are, one a line, and anything
/// else with its causes.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Invalid>() {
        Some(invalid) => invalid.to_string(),
        None => format!("monitord: {error:#}"),
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Config => Self::from(78),
        }
    }
}

/// The command line asks for something that does not exist.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Carries out `command`.
///
/// # Errors
///
/// Whatever kept it from being carried out; [`Exit::of`] says how the process ends then.
pub(crate) fn execute(command: Command) -> Result<Exit> {
    let parts = parts(&command)?;
    match command {
        Command::Run(mut args) => {
            if args.dry_run {
                args.config.overrides.push(("zabbix.report".to_owned(), "false".to_owned()));
            }
            run::execute(&args)
        }
        Command::Once(args) => once::execute(&args, &parts),
        Command::Validate(args) => validate::execute(&args, &parts),
        Command::Lines(args) => lines::execute(&args, &parts),
        Command::Migrate(args) => migrate::execute(&args, &parts),
        Command::Compare(args) => compare::execute(&args, &parts),
        Command::Parse(args) => parse::execute(&args, &parts),
        Command::Platforms(args) => platforms::execute(args, &parts),
        Command::Probe(args) => probe::execute(&args, &parts),
        Command::Spool(args) => spool::execute(&args, &parts),
        Command::CheckNow(args) => check_now::execute(args),
        Command::Debug(args) => debug::execute(&args, &parts),
        Command::Doctor(args) => doctor::execute(&args),
        Command::Top(args) => top::execute(&args),
        Command::Reload(args) => reload::execute(&args),
        Command::LogLevel(args) => log_level::execute(&args),
        Command::Zabbix(args) => match args.command {
            ZabbixCommand::Template(args) => zabbix_template::execute(&args, &parts),
            ZabbixCommand::Role(args) => zabbix_role::execute(&args),
        },
        Command::Gen(args) => generate::execute(args, &parts),
        #[cfg(feature = "bench")]
        Command::BenchDelivery(args) => bench_delivery::execute(&args),
    }
}

/// The parts that `command` works with: those that come with the crates, and the platforms that
/// the operator defines, in the directory that the configuration or a flag names.
fn parts(command: &Command) -> Result<Parts> {
    let directory = match command {
        Command::Once(OnceArgs { config, .. })
        | Command::Validate(ValidateArgs { config, .. })
        | Command::Lines(LinesArgs { config, .. })
        | Command::Compare(CompareArgs { config, .. })
        | Command::Debug(DebugArgs { config, .. }) => definitions_directory(config)?,
        Command::Spool(SpoolArgs { command }) => definitions_directory(command.config())?,
        Command::Parse(ParseArgs { definitions, .. })
        | Command::Platforms(PlatformsArgs { definitions, .. })
        | Command::Probe(ProbeArgs { definitions, .. }) => definitions.directory.clone(),
        Command::Zabbix(ZabbixArgs { command: ZabbixCommand::Template(args) }) => {
            let TemplateArgs { config: Some(path), overrides, .. } = args else {
                return Ok(Parts::builtin());
            };
            settings::definitions_directory(path, &Environment::of_process(), overrides)?
        }
        Command::Migrate(args) => {
            settings::definitions_directory(&args.file, &Environment::of_process(), &[])?
        }
        // The doctor reads the definitions himself, so that he can say what is wrong with them; the
        // daemon reads its own, again and again.
        Command::Run(_)
        | Command::CheckNow(_)
        | Command::Doctor(_)
        | Command::Reload(_)
        | Command::LogLevel(_)
        | Command::Top(_)
        | Command::Zabbix(_)
        | Command::Gen(_) => None,
        #[cfg(feature = "bench")]
        Command::BenchDelivery(_) => None,
    };
    parts_in(directory)
}

/// The parts with the platforms that are defined in `directory`, if there is one.
fn parts_in(directory: Option<PathBuf>) -> Result<Parts> {
    let Some(directory) = directory else { return Ok(Parts::builtin()) };
    let files = DefinitionFile::read_directory(&directory).map_err(Invalid::from)?;
    Ok(Parts::with_files(&files).map_err(Invalid::from)?)
}

fn definitions_directory(args: &ConfigArgs) -> Result<Option<PathBuf>> {
    let environment = Environment::of_process();
    Ok(settings::definitions_directory(&args.config, &environment, &args.overrides)?)
}

/// Loads the settings and starts logging as they say.
fn prepare(args: &ConfigArgs, parts: &Parts) -> Result<Settings> {
    let environment = Environment::of_process();
    let catalog = parts.catalog();
    let settings = settings::load(&args.config, &environment, &args.overrides, &catalog)?;
    start_logging(&args.log, settings.log)?;
    Ok(settings)
}

fn start_logging(flags: &LogArgs, settings: LogSettings) -> Result<LogControl> {
    telemetry::init(flags.over(settings)).context("cannot start logging")
}
