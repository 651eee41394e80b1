//! `cargo xtask follow`: does what a page of the documents says, to the letter, on a fresh machine.

mod page;
mod predecessor;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use lab::{Lab, Ping, RouterSpec};
use zabbix_lab::{Version, ZabbixLab};

use crate::guest::{Guest, Image, Network, ensure_possible, text};
use page::Scene;
use predecessor::Predecessor;

/// The addresses of the documents.
const ROUTER: &str = "192.0.2.1:22";
const ZABBIX: &str = "192.0.2.10:10051";
const FRONTEND: &str = "192.0.2.10:80";
/// Who logs in to the router of the documents.
const USER: &str = "monitor";
const PASSWORD: &str = "the password";
/// How long a page may take. It promises ten minutes to people, who read it as well.
const TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The page, for example docs/ten-minutes.md.
    page: PathBuf,
    /// Where `cargo xtask dist` has put the package.
    #[arg(long, default_value = "target/dist")]
    folder: PathBuf,
    /// A file to put beside the package; may be repeated.
    #[arg(long = "with", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only check that every block of commands is marked as followed or not.
    #[arg(long)]
    check: bool,
    /// Leave the Zabbix running with what the page has made in it.
    #[arg(long)]
    keep_zabbix: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let page = options.page.display().to_string();
    let text = fs::read_to_string(&page).with_context(|| format!("cannot read {page}"))?;
    let blocks = page::blocks(&text).with_context(|| page.clone())?;
    let scene = page::scene(&text).with_context(|| page.clone())?;
    if options.check {
        println!("follow: {page} has {} blocks that can be followed", blocks.len());
        return Ok(());
    }
    ensure_possible()?;
    let mut files = vec![deb(&options.folder)?, options.folder.join("SHA256SUMS")];
    files.extend_from_slice(&options.files);
    let image = Image::provide(&options.folder.join("guest"))?;

    // A page that makes hosts needs a Zabbix that has not got them.
    let zabbix_folder =
        std::env::temp_dir().join(format!("monitord-follow-{}", std::process::id()));
    let zabbix = ZabbixLab::up(&zabbix_folder, Version::V6_0)?;
    let script = page::script(&page, &blocks)?;
    let followed = follow(scene, &script, &files, &image, &zabbix);
    if options.keep_zabbix {
        println!("its Zabbix: {}, in {}", zabbix.access().api_url, zabbix_folder.display());
    } else {
        ZabbixLab::wipe(&zabbix_folder)?;
    }
    ensure!(followed?, "{page} leads nowhere");
    Ok(())
}

/// Whether `script` can be followed to its end, and leaves behind what it is to.
fn follow(
    scene: Scene,
    script: &str,
    files: &[PathBuf],
    image: &Image,
    zabbix: &ZabbixLab,
) -> Result<bool> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let router = RouterSpec::new("edge-1", "cisco_iosxe")
        .password(USER, PASSWORD)
        .target(predecessor::LOSSY, Ping::lossy(predecessor::LOSS_PCT));
    let lab = runtime.block_on(Lab::start(vec![router]))?;
    let network = Network::new()?;
    network.lead(ROUTER.parse()?, lab.router("edge-1").address())?;
    network.lead(ZABBIX.parse()?, zabbix.access().server_address.parse()?)?;
    let api = zabbix.access().api_url.trim_start_matches("http://");
    network.lead(FRONTEND.parse()?, api.trim_end_matches("/api_jsonrpc.php").parse()?)?;
    let predecessor = match scene {
        Scene::Fresh => None,
        Scene::Predecessor => Some(Predecessor::make(zabbix, &network)?),
    };

    let guest = Guest::boot(image, Some(&network))?;
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        guest.put(file, &format!("/root/{name}"))?;
    }
    if predecessor.is_some() {
        Predecessor::move_in(zabbix, &guest)?;
    }
    let followed = guest.run_for(script, TIMEOUT)?;
    print!("{}", text(&followed));
    if !followed.status.success() {
        let log = guest.run("systemctl is-system-running; journalctl --no-pager -u monitord")?;
        print!("{}", text(&log));
        return Ok(false);
    }
    if let Some(predecessor) = predecessor {
        predecessor.judge()?;
    }
    Ok(true)
}

/// The one package of the folder: a page says `*`.
fn deb(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))?;
    let mut debs: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    let count = debs.len();
    ensure!(count == 1, "{folder:?} has {count} packages; `cargo xtask dist` makes the one");
    Ok(debs.remove(0))
}
