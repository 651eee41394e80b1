//! One run: a lab, monitord on it, and what both did in a window of time.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::account::{Account, Window, draw_up};
use super::crowd::{Crowd, Router};
use super::outcome::Outcome;
use super::usage::Usage;
use super::{Sizes, line_name};
use crate::chaos::pause;
use crate::demo::{self, Daemon};

/// Logins at start are begun one router every 50 ms.
const LOGIN_EACH: Duration = Duration::from_millis(50);
/// More than the first checks take.
const SETTLE_MIN: Duration = Duration::from_secs(5);
/// How often its metrics are asked for meanwhile.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(5);

/// What was seen of a run.
#[derive(Debug)]
pub(super) struct Run {
    /// Those of due times in the window, and rechecks begun in it.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) account: Account,
    pub(super) window: Duration,
    pub(super) monitord: [Usage; 2],
    pub(super) lab: [Usage; 2],
}

/// Where a run can be reached while it is watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) binary: &'a Path,
    pub(super) config: &'a Path,
    pub(super) http: SocketAddr,
}

impl Run {
    /// Measures with so many sick routers, while somebody asks for metrics as Prometheus does.
    pub(super) fn measure(sizes: &Sizes, sick: usize, binary: &Path) -> Result<Self> {
        Self::measure_while(sizes, sick, binary, |scene, end| scrape_until(end, scene.http))
    }

    /// The same, while this is done, which is to end at the moment that it is told.
    pub(super) fn measure_while(
        sizes: &Sizes,
        sick: usize,
        binary: &Path,
        meanwhile: impl FnOnce(Scene<'_>, Instant) -> Result<()>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let settle = SETTLE_MIN + sizes.interval + LOGIN_EACH * u32::from(sizes.routers);
        let turns = u32::try_from(Crowd::turns(sick))?;
        let turn_ms = ((settle + sizes.window) / turns).as_millis().try_into()?;
        let crowd = Crowd { routers: usize::from(sizes.routers), sick, turn_ms };
        let (lab, routers) = crowd.start()?;
        let http = demo::free_address()?;
        let config = write_config(sizes, &routers, http, folder.path())?;
        let mut daemon = Daemon::start(binary, &config, folder.path(), demo::Output::Json)?;
        let said = daemon.outcomes.take().context("monitord has an output")?;
        let reader = std::thread::spawn(move || read(said));
        pause(settle)?;
        ensure_alive(&mut daemon)?;
        let from_ms = Timestamp::now().as_millisecond();
        let began = Instant::now();
        let look = || Ok::<_, anyhow::Error>((Usage::of(daemon.id())?, Usage::of(lab.id())?));
        let (monitord, routers) = look()?;
        meanwhile(Scene { binary, config: &config, http }, began + sizes.window)?;
        let (monitord_after, routers_after) = look()?;
        let window = began.elapsed();
        let until_ms = Timestamp::now().as_millisecond();
        // What was due last has its outcome at the latest when it is due again.
        pause(sizes.interval + SETTLE_MIN)?;
        ensure_alive(&mut daemon)?;
        let status = daemon.stop()?;
        ensure!(status.success(), "monitord ended with {status}; its log:\n{}", daemon.log_tail());
        let mut outcomes = reader.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        let interval_ms = sizes.interval.as_millis().try_into()?;
        let lines: Vec<_> = (0..sizes.lines).map(line_name).collect();
        let due = Window { from_ms, until_ms, interval_ms };
        let account = draw_up(&lines, due, &outcomes);
        outcomes.retain(|outcome| due.has(outcome.due_ms));
        Ok(Self {
            outcomes,
            account,
            window,
            monitord: [monitord, monitord_after],
            lab: [routers, routers_after],
        })
    }
}

pub(super) fn ensure_alive(daemon: &mut Daemon) -> Result<()> {
    if let Some(status) = daemon.ended()? {
        bail!("monitord ended by itself with {status}; its log:\n{}", daemon.log_tail());
    }
    Ok(())
}

pub(super) fn write_config(
    sizes: &Sizes,
    routers: &[Router],
    http: SocketAddr,
    folder: &Path,
) -> Result<PathBuf> {
    let router = |router: &Router| {
        json!({
            "name": router.name, "platform": router.platform, "host": router.address.ip(),
            "port": router.address.port(), "host_key": router.host_key,
            "username": lab::DEFAULT_USER, "password": lab::DEFAULT_PASSWORD,
        })
    };
    let line = |number: u32| {
        let router = &routers[sizes.router_of(number)].name;
        json!({ "id": line_name(number), "router": router, "target": "198.51.100.1" })
    };
    let config = json!({
        "defaults": {
            "interval": humantime::format_duration(sizes.interval).to_string(),
            "ping": { "count": 2, "timeout": "1s" },
        },
        "http": { "listen": http },
        "control": { "socket": "control.sock" },
        "connection": { "known_hosts": "known_hosts" },
        "routers": routers.iter().map(router).collect::<Vec<Value>>(),
        "lines": (0..sizes.lines).map(line).collect::<Vec<Value>>(),
    });
    let path = folder.join("monitord.json");
    std::fs::write(&path, config.to_string()).with_context(|| format!("cannot write {path:?}"))?;
    Ok(path)
}

fn read(said: ChildStdout) -> Result<Vec<Outcome>> {
    let read = |line: std::io::Result<String>| {
        let line = line.context("cannot read what monitord prints")?;
        Outcome::read(&line).with_context(|| format!("monitord printed {line}"))
    };
    BufReader::new(said).lines().map(read).collect()
}

/// Asks for the metrics again and again, as Prometheus does. What they say is another's business.
fn scrape_until(end: Instant, http: SocketAddr) -> Result<()> {
    while Instant::now() < end {
        ureq::get(format!("http://{http}/metrics")).call().ok();
        pause(SCRAPE_INTERVAL.min(end.saturating_duration_since(Instant::now())))?;
    }
    Ok(())
}
