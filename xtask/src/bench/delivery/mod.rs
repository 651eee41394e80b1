//! Delivery: how fast outcomes go through the spool and the sender, beside a bare loop that sends
//! the same values, ready-made, one request after another; how long an outage takes to be caught up
//! with, and how much memory it takes meanwhile.

mod trapper;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use tokio::runtime::Runtime;
use zabbix_lab::Version;

use self::trapper::{Trapper, bare_values_per_second};
use super::report::{Row, Target};
use crate::chaos::Zabbix;
use crate::demo::build;

/// With a real proxy it is a part of that: as much as a Zabbix on the same machine stores in reasonable
/// time.
const REAL_PART: u64 = 20;
const LINES: u64 = 100;
/// How long the bare loop runs.
const BARE: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Clone, Copy, Debug, Args)]
#[group(skip)]
pub(crate) struct Sizes {
    /// How long an outage lasts, in outcomes: half a day of 1,400 lines at 60 s.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    outcomes: u64,
}

/// What monitord's side of the bench prints.
#[derive(Debug, Deserialize)]
struct Figures {
    steady_per_second: f64,
    steady_cpu_us: f64,
    resident_mib: Vec<f64>,
    catch_up_seconds: f64,
    catch_up_resident_mib: f64,
}

pub(super) fn run(sizes: Sizes) -> Result<Vec<Row>> {
    let outage = sizes.outcomes;
    let profile = if cfg!(debug_assertions) { None } else { Some("--release") };
    let binary = build(&["--features=bench"].into_iter().chain(profile).collect::<Vec<_>>())?;
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let trapper = runtime.block_on(Trapper::start())?;
    let address = trapper.address().to_string();
    eprintln!("delivery: a bare loop for {BARE:?}, and then {outage} outcomes");
    let bare = runtime.block_on(bare_values_per_second(&address, "bench-line", BARE))?;
    let figures = measure(&binary, &address, outage)?;
    let sent = outage + outage / 5;
    let came = trapper.came();
    ensure!(came >= sent, "{came} of {sent} values came");
    let mut rows = figures.rows("", outage, bare);
    match real() {
        Ok(zabbix) => {
            let outage = outage / REAL_PART;
            eprintln!("delivery: the same with a real proxy, and {outage} outcomes");
            let bare =
                runtime.block_on(bare_values_per_second(zabbix.address(), "bench-line", BARE))?;
            let figures = measure(&binary, zabbix.address(), outage)?;
            rows.extend(figures.rows(", real proxy", outage, bare));
        }
        Err(error) => eprintln!("not measured with a real proxy: {error:#}"),
    }
    Ok(rows)
}

/// A real proxy that knows the lines.
fn real() -> Result<Zabbix> {
    let host = |number| (format!("bench-line-{number}"), serde_json::json!({}));
    let lines: Vec<_> = (0..LINES).map(host).collect();
    Zabbix::up(Version::V6_0, &lines)
}

fn measure(binary: &Path, address: &str, outcomes: u64) -> Result<Figures> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let output = Command::new(binary)
        .args(["bench-delivery", "--prefix", "bench-line", "--address", address])
        .args(["--outcomes", &outcomes.to_string(), "--lines", &LINES.to_string()])
        .arg("--directory")
        .arg(folder.path())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run monitord")?;
    ensure!(output.status.success(), "monitord ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("monitord printed no figures")
}

impl Figures {
    fn rows(&self, more: &str, outage: u64, bare_per_second: f64) -> Vec<Row> {
        let row = |case: &str, unit, ours, floor, target| Row {
            bench: "delivery",
            case: format!("{case}{more}").into(),
            unit,
            ours,
            floor,
            peers: BTreeMap::new(),
            target,
        };
        let (first, most) = (self.resident_mib[0], self.resident_mib.iter().copied());
        let most = most.fold(self.catch_up_resident_mib, f64::max);
        // Flat: what waits on the disk takes no memory.
        let flat = Some(Target::TimesFloorMax(1.5));
        vec![
            row("spool and sender, steady", "1/s", self.steady_per_second, bare_per_second, None),
            row("processor time of an outcome", "us", self.steady_cpu_us, 0.0, None),
            row(
                &format!("catch up with {outage}"),
                "s",
                self.catch_up_seconds,
                outage as f64 / bare_per_second,
                None,
            ),
            row(&format!("memory, none and {outage} waiting"), "MiB", most, first, flat),
        ]
    }
}
