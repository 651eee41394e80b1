//! How soon monitord checks, and what it takes while little is due.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::outcome::Outcome;
use super::run::{ensure_alive, write_config};
use super::usage::Usage;
use super::{Crowd, Sizes};
use crate::bench::Output;
use crate::bench::report::{Row, Target};
use crate::chaos::pause;
use crate::demo::{self, Daemon};

/// A large inventory, at the interval that lines have when nothing else is said.
const LINES: u32 = 10_000;
const INTERVAL: Duration = Duration::from_secs(180);
/// Logins at start are begun one router every 50 ms, and are not what is measured.
const LOGIN_EACH: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_secs(5);
/// From the start of the process to that of its first check.
const FIRST_CHECK_MS_MAX: f64 = 2000.0;

/// Measures and prints.
pub(in crate::bench) fn run(sizes: &Sizes, output: Output) -> Result<()> {
    let binary = demo::build(if cfg!(debug_assertions) { &[] } else { &["--release"] })?;
    let sizes = Sizes { lines: LINES, interval: INTERVAL, ..*sizes };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let crowd = Crowd { routers: usize::from(sizes.routers), sick: 0, turn_ms: u64::MAX };
    let (_lab, routers) = crowd.start()?;
    let http = demo::free_address()?;
    let config = write_config(&sizes, &routers, http, folder.path())?;
    let began = Timestamp::now();
    let mut daemon = Daemon::start(&binary, &config, folder.path(), demo::Output::Json)?;
    let mut said =
        BufReader::new(daemon.outcomes.take().context("monitord has an output")?).lines();
    let first = said.next().context("monitord says nothing")??;
    let first = Outcome::read(&first)?.started_ms.context("the first check was not begun")?;
    let first_ms = (first - began.as_millisecond()) as f64;
    let reader = std::thread::spawn(move || said.map_while(Result::ok).count());
    eprintln!("the first check began after {first_ms} ms; the logins ...");
    pause(LOGIN_EACH * u32::from(sizes.routers) + SETTLE)?;
    let before = Usage::of(daemon.id())?;
    eprintln!("{LINES} lines at {INTERVAL:?}, for {:?} ...", sizes.window);
    pause(sizes.window)?;
    let after = Usage::of(daemon.id())?;
    ensure_alive(&mut daemon)?;
    daemon.stop()?;
    let checks = reader.join().map_err(|_| anyhow::anyhow!("a reader panicked"))?;
    eprintln!("{checks} more outcomes in all");
    let spent = after.processor.saturating_sub(before.processor);
    let processor = spent.as_secs_f64() / sizes.window.as_secs_f64() * 100.0;
    let row = |case: &'static str, unit, ours, target| Row {
        bench: "startup",
        case: case.into(),
        unit,
        ours,
        floor: 0.0,
        peers: BTreeMap::new(),
        target,
    };
    output.print(&[
        row("first-check", "ms", first_ms, Some(Target::Max(FIRST_CHECK_MS_MAX))),
        row("processor", "% of one", processor, None),
        row("memory", "MiB", after.memory_mib, None),
        row("threads", "threads", after.threads, None),
    ])
}
