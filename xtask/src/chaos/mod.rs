//! `cargo xtask chaos`: everything around monitord fails, it is killed again and again, and in the
//! end a real Zabbix is asked whether every check is there.

mod account;
mod clock;
mod daemon;
mod disk;
mod trouble;
mod wire;
mod zabbix;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Args;
use lab::{Lab, RouterSpec};
use serde_json::{Value, json};
use tokio::time::Instant;
use zabbix_lab::Version;

use self::account::{Account, draw_up};
use self::clock::SteppedClock;
use self::daemon::Daemon;
use self::disk::SmallDisk;
use self::trouble::Scene;
use self::wire::Wire;
pub(crate) use self::zabbix::Zabbix;
use crate::demo;

/// The least that a line may have.
const INTERVAL_MS: i64 = 10_000;
const LINES_PER_ROUTER: usize = 3;
/// How long what waits may take to arrive, once nothing fails any more. What is refused because a
/// proxy has just started is tried again after half a minute, and at each start.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(180);
/// How long values may take from the proxy to the history.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many checks of a kind are named.
const SHOWN_MAX: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long things fail, for example `10m`.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, default_value = "2m")]
    duration: Duration,
    /// What decides when which thing fails. Another one each time, when it is absent.
    #[arg(long)]
    seed: Option<u64>,
    /// Which Zabbix: 6.0 or 7.0.
    #[arg(long = "zabbix", default_value = "6.0")]
    version: Version,
    /// Routers, with three lines each.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    routers: u16,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(|| now_ms().unsigned_abs() % 1_000_000);
    eprintln!("chaos: seed {seed}, for {}", humantime::format_duration(options.duration));
    let binary = demo::build_monitord()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let lab = runtime.block_on(Lab::start(fleet(options.routers)))?;
    runtime.spawn(notice_signals());
    let zabbix = Zabbix::up(options.version, &hosts(&lab))?;
    let wire = runtime.block_on(Wire::lead_to(zabbix.address().to_owned(), seed))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let disk = SmallDisk::mount(&folder.path().join("spool"))?;
    let config = write_config(&zabbix, &wire, folder.path())?;
    // A build beside this must not exchange it between two of its lives.
    let own = folder.path().join("monitord");
    std::fs::copy(&binary, &own).context("cannot copy monitord")?;
    let mut scene = Scene {
        daemon: Daemon::new(own, config, folder.path()),
        clock: SteppedClock::build(folder.path())?,
        steps: Vec::new(),
        zabbix: &zabbix,
        lab: &lab,
        wire,
        disk: &disk,
    };
    scene.daemon.start(&scene.clock)?;
    let played = scene.play(options.duration, seed);
    if played.is_err() {
        scene.mend_zabbix();
    }
    played?;
    catch_up(&mut scene)?;
    scene.daemon.stop(&scene.clock)?;
    let account = judge(&scene)?;
    show(&account, &scene)?;
    ensure!(account.closes(), "the account does not close: seed {seed}");
    Ok(())
}

fn fleet(routers: u16) -> Vec<RouterSpec> {
    let platforms = ["linux", "cisco_iosxe", "huawei_vrp", "h3c_comware", "cisco_nxos"];
    let platform = |number: u16| platforms[usize::from(number) % platforms.len()];
    (0..routers).map(|n| RouterSpec::new(format!("chaos-{n}"), platform(n))).collect()
}

fn lines_of(router: &str) -> Vec<String> {
    (0..LINES_PER_ROUTER).map(|number| format!("{router}-{number}")).collect()
}

/// A host for each line, with the macros that make it one. The passwords of one half of the routers
/// cannot be read, and come from the configuration; those of the other half stand in Zabbix, and are
/// the same as in the configuration: so all lines can be checked after a start without the API.
fn hosts(lab: &Lab) -> Vec<(String, Value)> {
    let of_router = |(place, router): (usize, &lab::LabRouter)| {
        let address = router.address();
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let plain = [
            ("ROUTER_IP", ip.as_str()),
            ("ROUTER_PORT", &port),
            ("ROUTER_PLATFORM", router.platform()),
            ("ROUTER_USERNAME", lab::DEFAULT_USER),
            ("TARGET", "198.51.100.1"),
        ];
        let macro_of = |(name, value): (&str, &str)| json!({ "macro": format!("{{$LINE_{name}}}"), "value": value });
        let mut macros: Vec<_> = plain.into_iter().map(macro_of).collect();
        let mut password = macro_of(("ROUTER_PASSWORD", lab::DEFAULT_PASSWORD));
        if place % 2 == 1 {
            password["type"] = json!("1");
        }
        macros.push(password);
        let host = json!({ "macros": macros, "tags": Zabbix::tags() });
        lines_of(router.name()).into_iter().map(move |line| (line, host.clone()))
    };
    lab.routers().iter().enumerate().flat_map(of_router).collect()
}

fn write_config(zabbix: &Zabbix, wire: &Wire, folder: &Path) -> Result<std::path::PathBuf> {
    let mut config = json!({
        "defaults": { "interval": "10s", "ping": { "count": 2, "timeout": "1s" } },
        "connection": { "connect_timeout": "3s", "known_hosts": "known_hosts" },
        "credentials": [{ "routers": ["127.0.0.1*"], "password": lab::DEFAULT_PASSWORD }],
        "spool": { "directory": "spool" },
        "zabbix": zabbix.inventory(),
    });
    config["zabbix"]["sender"] = json!({ "address": wire.address().to_string() });
    let path = folder.join("monitord.json");
    std::fs::write(&path, config.to_string())?;
    Ok(path)
}

/// Waits until nothing is left in the spool.
fn catch_up(scene: &mut Scene<'_>) -> Result<()> {
    // A start tries at once what was refused.
    scene.daemon.stop(&scene.clock)?;
    scene.daemon.start(&scene.clock)?;
    eprintln!("chaos: everything is mended, {} outcomes wait", scene.daemon.waiting()?);
    let end = Instant::now() + CATCH_UP_TIMEOUT;
    while scene.daemon.waiting()? > 0 {
        ensure!(Instant::now() < end, "{} outcomes still wait", scene.daemon.waiting()?);
        pause(Duration::from_millis(500))?;
    }
    Ok(())
}

/// Asks Zabbix until it has all there is to be had.
fn judge(scene: &Scene<'_>) -> Result<Account> {
    let (runs, outcomes) = scene.daemon.said();
    let end = Instant::now() + STORE_TIMEOUT;
    loop {
        let stored = scene.zabbix.history()?;
        let account = draw_up(&runs, &scene.steps, INTERVAL_MS, &outcomes, &stored);
        if account.lost.is_empty() || Instant::now() >= end {
            return Ok(account);
        }
        pause(Duration::from_secs(1))?;
    }
}

fn show(account: &Account, scene: &Scene<'_>) -> Result<()> {
    let (runs, outcomes) = scene.daemon.said();
    let killed = runs.iter().filter(|run| run.killed).count();
    println!("{:>7}  lives of the process, {killed} of them ended by kill -9", runs.len());
    println!("{:>7}  connections to Zabbix reset in mid-packet", scene.wire.cut());
    println!("{:>7}  steps of the clock", scene.steps.len());
    println!("{:>7}  outcomes printed", outcomes.len());
    println!("{:>7}  checks due, of which", account.due);
    println!("{:>7}    in Zabbix, once", account.delivered);
    println!("{:>7}    not told: the process was stopping", account.untold);
    println!("{:>7}    under way or being written when the process was ended", account.cut_off);
    println!("{:>7}    due while the process was down", account.down);
    println!("{:>7}  rechecks beside them, in Zabbix, once", account.rechecks);
    println!("{:>7}  values of the moment of a kill that were not printed", account.unprinted);
    println!("{:>7}  moments set to when the outcome was written, by a step back", account.clamped);
    let faults = [
        ("checks missing", &account.missing),
        ("outcomes lost", &account.lost),
        ("values too many", &account.surplus),
    ];
    for (what, list) in faults {
        println!("{:>7}  {what}", list.len());
        for one in list.iter().take(SHOWN_MAX) {
            println!("           {one}");
        }
    }
    eprintln!("chaos: monitord warned of");
    for (message, count) in scene.daemon.messages()? {
        eprintln!("{count:>7}  {message}");
    }
    Ok(())
}

/// By the right clock.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Whether somebody has asked for an end.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// How soon that is noticed.
const NOTICE_AFTER: Duration = Duration::from_millis(100);

/// So that an end that is asked for leaves nothing behind: no mount, no process, no folder.
async fn notice_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return eprintln!("chaos: a signal ends this at once, and leaves a mount behind");
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    eprintln!("chaos: interrupted, tidying up");
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Waits on this thread.
///
/// # Errors
///
/// When somebody asks for an end meanwhile.
pub(crate) fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        ensure!(!INTERRUPTED.load(Ordering::Relaxed), "interrupted");
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::park_timeout(Ord::min(left, NOTICE_AFTER));
    }
}
