//! A hundred reloads while everything is checked: no check may be lost, the routers must not be logged
//! in to more often than what has changed asks for, and memory must stay as it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::run::{Run, Scene};
use super::{SHOWN_MAX, Sizes};
use crate::bench::Output;
use crate::bench::report::{Row, Target};
use crate::bench::rounds::quantile;
use crate::chaos::pause;
use crate::demo;

/// How many there are in the time that is watched.
const RELOADS: u32 = 100;
/// The most sessions that a router may have, each of which is made anew when it changes.
const SESSIONS_MAX: f64 = 2.0;
/// What memory may grow by, in MiB. An allocator keeps some of what it was lent.
const GROWTH_MAX: f64 = 16.0;

/// What was seen of the reloads.
#[derive(Debug, Default)]
struct Seen {
    took_ms: Vec<f64>,
    logins: f64,
}

/// Measures, prints, and fails when the account does not close.
pub(in crate::bench) fn run(sizes: &Sizes, output: Output) -> Result<()> {
    let binary = demo::build(if cfg!(debug_assertions) { &[] } else { &["--release"] })?;
    eprintln!("{} routers and {} lines, without reloads ...", sizes.routers, sizes.lines);
    let mut calm = Seen::default();
    let before = Run::measure_while(sizes, 0, &binary, |scene, end| watch(scene, end, &mut calm))?;
    eprintln!("{RELOADS} reloads in {:?} ...", sizes.window);
    let mut seen = Seen::default();
    let run = Run::measure_while(sizes, 0, &binary, |scene, end| reload(scene, end, &mut seen))?;
    output.print(&rows((&before, &calm), (&run, &seen)))?;
    for fault in run.account.faults.iter().take(SHOWN_MAX) {
        eprintln!("{fault}");
    }
    ensure!(run.account.closes(), "the account of the run with reloads does not close");
    ensure!(seen.took_ms.len() == RELOADS as usize, "not every reload came to its end in time");
    Ok(())
}

fn watch(scene: Scene<'_>, end: Instant, seen: &mut Seen) -> Result<()> {
    let before = logins(scene)?;
    pause(end.saturating_duration_since(Instant::now()))?;
    seen.logins = logins(scene)? - before;
    Ok(())
}

/// Changes a part of everything, one after another, and a router each time.
fn reload(scene: Scene<'_>, end: Instant, seen: &mut Seen) -> Result<()> {
    let text = std::fs::read_to_string(scene.config).context("cannot read the configuration")?;
    let mut config: Value = serde_json::from_str(&text)?;
    let before = logins(scene)?;
    let pace = end.saturating_duration_since(Instant::now()) / RELOADS;
    for number in 0..RELOADS {
        let due = Instant::now() + pace;
        change(&mut config, number);
        let fresh = scene.config.with_extension("new");
        std::fs::write(&fresh, config.to_string())?;
        std::fs::rename(&fresh, scene.config)?;
        let began = Instant::now();
        ask(scene.binary, scene.config)?;
        seen.took_ms.push(began.elapsed().as_secs_f64() * 1000.0);
        pause(due.saturating_duration_since(Instant::now()))?;
    }
    seen.logins = logins(scene)? - before;
    Ok(())
}

fn change(config: &mut Value, number: u32) {
    let routers = config["routers"].as_array().map_or(1, Vec::len);
    let router = &mut config["routers"][number as usize % routers];
    router["read_timeout"] = json!(format!("{}s", 31 + number));
    config["pool"] = json!({ "leak_after": format!("{}m", 11 + number) });
    config["fleet"] = json!({ "sessions_max": 1000 + number });
    config["shutdown_grace"] = json!(10 + number % 5);
    config["file"] = json!({ "path": format!("outcomes-{}.jsonl", number % 2) });
    config["lines"][number as usize]["target"] = json!("198.51.100.2");
}

fn ask(binary: &Path, config: &Path) -> Result<()> {
    let socket = config.with_file_name("control.sock");
    let said = Command::new(binary).arg("reload").arg("--socket").arg(socket).output()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let is_whole = text.contains("changed: lines +0 -0 ~1, routers +0 -0 ~1");
    ensure!(said.status.success() && is_whole, "reload: {said:?}");
    Ok(())
}

/// How many sessions have been made.
fn logins(scene: Scene<'_>) -> Result<f64> {
    let text =
        ureq::get(format!("http://{}/metrics", scene.http)).call()?.body_mut().read_to_string()?;
    let line = text.lines().find_map(|line| line.strip_prefix("monitord_sessions_created_total "));
    Ok(line.context("no count of sessions")?.parse()?)
}

fn rows((before, calm): (&Run, &Seen), (run, seen): (&Run, &Seen)) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |case: &'static str, unit, [ours, floor]: [f64; 2], target| {
        let peers = BTreeMap::new();
        rows.push(Row { bench: "reload", case: case.into(), unit, ours, floor, peers, target });
    };
    let took = |q| [quantile(seen.took_ms.iter().copied(), q), 0.0];
    row("reloads", "", [seen.took_ms.len() as f64, 0.0], Some(Target::Min(RELOADS.into())));
    row("reload-p50", "ms", took(0.5), None);
    row("reload-max", "ms", took(1.0), None);
    let both = [run, before];
    row("due", "checks", both.map(|run| run.account.due as f64), None);
    let lost = |run: &Run| {
        run.account.due.abs_diff(run.account.accounted).max(run.account.faults.len()) as f64
    };
    row("unaccounted", "checks", both.map(lost), Some(Target::Max(0.0)));
    let late =
        |run: &Run, q| quantile(run.outcomes.iter().filter_map(|o| Some(o.late_ms()? as f64)), q);
    row("lateness-p50", "ms", both.map(|run| late(run, 0.5)), None);
    row("lateness-p99", "ms", both.map(|run| late(run, 0.99)), None);
    let logins_max = SESSIONS_MAX * f64::from(RELOADS);
    let logins = [seen.logins, calm.logins];
    row("logins", "sessions", logins, Some(Target::Max(logins_max + calm.logins)));
    let grown = |run: &Run| run.monitord[1].memory_mib - run.monitord[0].memory_mib;
    row("memory", "MiB", both.map(|run| run.monitord[0].memory_mib), None);
    let growth_max = Target::Max(grown(before).max(0.0) + GROWTH_MAX);
    row("memory-growth", "MiB", both.map(grown), Some(growth_max));
    let threads = |run: &Run| run.monitord[1].threads - run.monitord[0].threads;
    row("threads-growth", "threads", both.map(threads), None);
    rows
}
