//! The interactive command line: what it costs to take a command's output from a router to whoever
//! asked, beside the bare bound: the same bytes over the same transport, read until the prompt
//! stands at the end, without looking at them otherwise.
//!
//! Every figure is that of a process of its own, on a processor that is not the router's.

mod session;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;
use lab::RouterSpec;

use self::session::{Bare, Ours};
use super::part::{RouterProcess, Routers, measure_apart, name_of};
use super::processors::Processors;
use super::report::{Row, Target};
use super::rounds::{Measure, interleave};

/// So many that the median of a shared machine is worth something.
const ROUNDS: usize = 31;
/// Short commands on one session.
const COMMANDS: u32 = 1000;
/// One megabyte of output, and ten.
const MEGABYTE: usize = 1_000_000;
const BIG_MEGABYTES: usize = 10;
/// A line of output: 79 characters and its end (CR LF on the wire).
const LINE: &str =
    "Gi0/0/1 is up, line protocol is up, 5 minute input rate 1000 bits/sec, 1 pkts/s\n";

/// What is typed for each case. The answer to a short command is one line.
const SHORT: &str = "show short";
const SMALL: &str = "show small";
const BIG: &str = "show big";

/// Who is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Subject {
    Ours,
    Bare,
}

/// Measures `subject`, which is all that this process does.
pub(super) fn measure(subject: Subject, router: SocketAddr) -> Result<Vec<f64>> {
    match subject {
        Subject::Ours => session::measure::<Ours>(router),
        Subject::Bare => session::measure::<Bare>(router),
    }
}

/// The router that both talk to.
pub(super) fn router() -> RouterSpec {
    let small = LINE.repeat(MEGABYTE / LINE.len());
    RouterSpec::new("edge-1", "cisco_iosxe")
        .show(SHORT, LINE)
        .show(BIG, small.repeat(BIG_MEGABYTES))
        .show(SMALL, small)
}

pub(super) fn run() -> Result<Vec<Row>> {
    let Processors { routers, clients } = Processors::apart()?;
    let routers = RouterProcess::start_on(routers, Routers::Talkative)?;
    let router = routers.first()?.to_string();
    let measure = |subject| measure_apart(clients, &["cli", &name_of(subject)?, &router]);
    let contestants: [Measure<'_>; 2] =
        [Box::new(|| measure(Subject::Ours)), Box::new(|| measure(Subject::Bare))];
    let figures = interleave(ROUNDS, &contestants)?;
    let (ours, bare) = (&figures[0], &figures[1]);
    let row = |case: &'static str, unit, ours, floor, target| {
        let peers = BTreeMap::new();
        Row { bench: "cli", case: Into::into(case), unit, ours, floor, peers, target }
    };
    let bound = Some(Target::TimesFloorMax(1.2));
    Ok(vec![
        row("show of 10 MB, processor time", "ms", ours[0] * 10.0, bare[0] * 10.0, bound),
        row("1,000 short commands, processor time of each", "ms", ours[2], bare[2], bound),
        row("1,000 short commands, time of each", "ms", ours[3], bare[3], None),
        // What grows faster than the output shows here. Memory does, for both: it is not to be seen.
        row(
            "times a bare read: show of 10 MB, of 1 MB",
            "",
            ours[0] / bare[0],
            ours[1] / bare[1],
            bound,
        ),
    ])
}
