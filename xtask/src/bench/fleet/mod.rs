//! monitord as a whole on a lab full of routers, twice: all are well, and then a part of them is
//! sick in every way. What becomes of the healthy routers' lines should be the same.
//!
//! Where there are more faults than sick routers, these pass from one fault to the next, so that each
//! was on some router once. A router that monitord has given up for a while may meet none of a turn.
//!
//! The lab, monitord and this have a process each. The account of both runs has to close: one
//! outcome for every line and every time at which it was due.

mod account;
mod crowd;
mod figures;
mod outcome;
mod reload;
mod run;
mod startup;
mod usage;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

pub(crate) use self::crowd::{Crowd, serve};
pub(super) use self::reload::run as run_reload;
use self::run::Run;
pub(super) use self::startup::run as run_startup;
use super::Output;
use crate::demo;

/// The least that monitord takes.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
/// How many faults of an account are named.
const SHOWN_MAX: usize = 10;

/// How large the fleet is, and how long it is watched.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Sizes {
    /// Routers.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(2..=2000))]
    routers: u16,
    /// Lines, as many on each router.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    lines: u32,
    /// How often each line is checked, at least `10s`.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10s")]
    interval: Duration,
    /// How long each of the two runs is watched, for example `10m`.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, default_value = "60s")]
    window: Duration,
    /// How many of a hundred routers are sick in the second run.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=99))]
    sick_percent: u16,
}

impl Sizes {
    /// How many routers are sick in the second run: the first ones, and at least one.
    fn sick(&self) -> usize {
        (usize::from(self.routers) * usize::from(self.sick_percent) / 100).max(1)
    }

    fn router_of(&self, line: u32) -> usize {
        line as usize % usize::from(self.routers)
    }
}

fn line_name(number: u32) -> String {
    format!("line-{number}")
}

/// Measures, prints, and fails when an account does not close.
pub(super) fn run(sizes: &Sizes, output: Output) -> Result<()> {
    ensure!(sizes.interval >= INTERVAL_MIN, "--interval is at least 10s");
    ensure!(sizes.window >= sizes.interval, "--for is at least the interval");
    // A build of the same kind as this.
    let binary = demo::build(if cfg!(debug_assertions) { &[] } else { &["--release"] })?;
    eprintln!("{} routers and {} lines, all well ...", sizes.routers, sizes.lines);
    let well = Run::measure(sizes, 0, &binary)?;
    eprintln!("{} of the routers sick ...", sizes.sick());
    let sick = Run::measure(sizes, sizes.sick(), &binary)?;
    output.print(&figures::rows(sizes, &well, &sick))?;
    for (name, run) in [("all well", &well), ("some sick", &sick)] {
        for fault in run.account.faults.iter().take(SHOWN_MAX) {
            eprintln!("{name}: {fault}");
        }
    }
    ensure!(well.account.closes(), "the account of the healthy run does not close");
    ensure!(sick.account.closes(), "the account of the run with sick routers does not close");
    Ok(())
}
