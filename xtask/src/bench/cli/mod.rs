//! The interactive command line: what it costs to take a command's output from a router to whoever
//! asked, beside the bare bound: the same bytes over the same transport, read until the prompt
//! stands at the end, without looking at them otherwise.
//!
//! The router runs in a process of its own, so that what it costs is not taken for the cost of its
//! clients.

mod router;
mod session;

pub(crate) use self::router::serve;

use std::collections::BTreeMap;

use anyhow::Result;

use self::router::RouterProcess;
use self::session::{Bare, Ours};
use super::report::{Row, Target};
use super::rounds::{Measure, interleave};

/// So many that the median of a shared machine is worth something.
const ROUNDS: usize = 7;
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

pub(super) fn run() -> Result<Vec<Row>> {
    let router = RouterProcess::start()?;
    let contestants: [Measure<'_>; 2] = [
        Box::new(|| session::measure::<Ours>(router.address)),
        Box::new(|| session::measure::<Bare>(router.address)),
    ];
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
        // The floor is ours on a tenth of the output.
        row("1 MB of an output of 10 MB, of one of 1 MB", "ms", ours[0], ours[1], bound),
    ])
}
