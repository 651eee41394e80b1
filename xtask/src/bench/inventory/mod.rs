//! What it costs to take lines from Zabbix: calls, bytes and processor time of one look, for a
//! thousand to twenty thousand hosts. The bound is fetching the same answers and reading them as
//! JSON, without making anything of them.
//!
//! Ours is `monitord lines`, which looks once: what it takes for a single host is taken off, and
//! what it takes to show the lines is not. The API is scripted, and a process of its own is
//! measured against it.

mod api;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use self::api::Api;
use super::report::{Row, Target};
use super::rounds::{Measure, interleave};

const SIZES: [(&str, usize); 3] = [("1k", 1000), ("10k", 10_000), ("20k", 20_000)];
/// The size that the target is for, and what it is in seconds of processor time.
const TARGET: (&str, f64) = ("10k", 2.0);
const ROUNDS: usize = 5;
/// The kernel counts processor time of processes in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn run() -> Result<Vec<Row>> {
    let binary = build()?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut rows = Vec::new();
    for (name, hosts) in SIZES {
        let (one, many) = (Api::start(1)?, Api::start(hosts)?);
        let round = Cell::new(0);
        let contestants: [Measure<'_>; 2] = [
            Box::new(|| {
                round.set(round.get() + 1);
                eprintln!("inventory: {name} hosts, round {} of {ROUNDS}", round.get());
                let base = look(&binary, folder.path(), &one, 1)?;
                Ok(vec![look(&binary, folder.path(), &many, hosts)? - base])
            }),
            Box::new(|| Ok(vec![read_bare(&many)?])),
        ];
        let medians = interleave(ROUNDS, &contestants)?;
        let (calls, bytes) = many.cost_of(|| look(&binary, folder.path(), &many, hosts))?;
        let thousands = hosts as f64 / 1000.0;
        let row = |case: &str, unit, ours, floor, target| Row {
            bench: "inventory",
            case: format!("{case}-{name}").into(),
            unit,
            ours,
            floor,
            peers: BTreeMap::new(),
            target,
        };
        let cpu = (name == TARGET.0).then_some(Target::Max(TARGET.1));
        rows.push(row("cpu", "s", medians[0][0], medians[1][0], cpu));
        // Five calls whatever there is: version, proxy, ids, templates, global macros.
        let flat = Some(Target::Max(5.0 + thousands));
        rows.push(row("calls", "calls", calls as f64, thousands, flat));
        let per_host = bytes as f64 / hosts as f64;
        rows.push(row("bytes-per-host", "bytes", per_host, many.bytes_per_host(), None));
    }
    Ok(rows)
}

/// The binary, in the build that this is part of.
fn build() -> Result<PathBuf> {
    eprintln!("inventory: building monitord");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "monitord"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "the build of monitord ended with {status}");
    Ok(std::env::current_exe()?.with_file_name("monitord"))
}

/// Processor time of one look, in seconds.
fn look(binary: &Path, folder: &Path, api: &Api, hosts: usize) -> Result<f64> {
    let config = folder.join("monitord.json");
    let settings = json!({
        "zabbix": { "api": { "url": api.url(), "token": "x", "timeout": "60s" }, "proxy_name": "edge" },
    });
    std::fs::write(&config, settings.to_string())?;
    let before = children_processor_time()?;
    let output = Command::new(binary)
        .args(["lines", "-o", "json", "-c"])
        .arg(&config)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run monitord")?;
    ensure!(output.status.success(), "monitord ended with {}", output.status);
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
    ensure!(lines == hosts, "{lines} lines of {hosts} hosts");
    Ok(children_processor_time()? - before)
}

/// Of all processes that this one has waited for.
fn children_processor_time() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("cannot read /proc")?;
    let fields = stat.rsplit_once(')').context("/proc/self/stat is not as it should be")?.1;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    let ticks: Vec<_> = ticks.collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// Processor time for fetching and reading the same answers, of this thread, in seconds.
fn read_bare(api: &Api) -> Result<f64> {
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let before = thread_time();
    for call in api.calls() {
        let mut answer = agent.post(api.url()).send(&call)?;
        let text = answer.body_mut().with_config().limit(256 << 20).read_to_string()?;
        let read: Value = serde_json::from_str(&text)?;
        ensure!(read.get("result").is_some(), "the API refuses {call}");
    }
    Ok(thread_time() - before)
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
