//! SSH: what a login, a command and a waiting session cost the client. Ours beside a bare
//! single-threaded loop over ssh2, which is the bound, and beside russh's client, on the lab.
//!
//! Every figure is that of a process of its own, which does nothing else, on a processor that is not
//! the router's.

mod bound;
mod ours;
mod rusty;
mod usage;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;

use super::part::{RouterProcess, Routers, measure_apart, name_of};
use super::processors::Processors;
use super::report::{Row, Target};
use super::rounds::{Measure, interleave};

/// Rounds of the quick cells, so many that the median of a shared machine is worth something, and of
/// the one that opens a thousand sessions.
const ROUNDS: usize = 31;
const CROWD_ROUNDS: usize = 1;

const LOGINS: usize = 200;
const COMMANDS: usize = 500;
const LINES: usize = 2000;
const SESSIONS: usize = 1000;

/// What is typed or executed, and what ends its answer at the prompt.
const COMMAND: &str = "show a";
const PROMPT: &[u8] = b"$ ";
/// A command during which nothing moves.
const PING: &str = "ping -c 1 198.51.100.1";

/// Who is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Subject {
    Ours,
    Bound,
    Russh,
}

/// What is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Cell {
    /// Connections that log in by password and leave, one after another.
    Logins,
    /// Commands on exec channels of one session, one after another.
    Exec,
    /// Command lines in one interactive shell, one after another.
    Shell,
    /// A thousand sessions, idle and then waiting for a ping.
    Crowd,
}

/// Measures `subject`, which is all that this process does.
pub(super) fn measure(subject: Subject, cell: Cell, router: SocketAddr) -> Result<Vec<f64>> {
    match subject {
        Subject::Ours => ours::measure(cell, router),
        Subject::Bound => bound::measure(cell, router),
        Subject::Russh => rusty::measure(cell, router),
    }
}

pub(super) fn run() -> Result<Vec<Row>> {
    let Processors { routers, clients } = Processors::apart()?;
    let routers = RouterProcess::start_on(routers, Routers::Healthy)?;
    let router = routers.first()?.to_string();
    let mut rows = Vec::new();
    for cell in Cell::value_variants() {
        let measure = |subject| {
            let (subject, cell) = (name_of(subject)?, name_of(*cell)?);
            measure_apart(clients, &["ssh", &subject, &cell, &router])
        };
        let contestants: Vec<Measure<'_>> = Subject::value_variants()
            .iter()
            .map(|&subject| Box::new(move || measure(subject)) as _)
            .collect();
        let rounds = if matches!(cell, Cell::Crowd) { CROWD_ROUNDS } else { ROUNDS };
        let figures = interleave(rounds, &contestants)?;
        let row = |(case, (name, unit, target))| Row {
            bench: "ssh",
            case: Into::into(name),
            unit,
            ours: figures[0][case],
            floor: figures[1][case],
            peers: BTreeMap::from([("russh", figures[2][case])]),
            target,
        };
        rows.extend(cases(*cell).into_iter().enumerate().map(row));
    }
    Ok(rows)
}

/// What the figures of a cell are.
fn cases(cell: Cell) -> Vec<(&'static str, &'static str, Option<Target>)> {
    let round_trip = Some(Target::TimesFloorMax(1.2));
    match cell {
        Cell::Logins => vec![
            ("logins", "1/s", None),
            ("login, processor time", "ms", Some(Target::TimesFloorMax(1.1))),
        ],
        Cell::Exec => vec![
            ("commands on exec channels", "1/s", None),
            ("command on an exec channel, processor time", "ms", round_trip),
        ],
        Cell::Shell => vec![
            ("commands in a shell", "1/s", None),
            ("command in a shell, processor time", "ms", round_trip),
        ],
        Cell::Crowd => vec![
            ("1,000 idle sessions, memory of each", "KiB", Some(Target::TimesFloorMax(1.1))),
            ("1,000 idle sessions, threads", "", Some(Target::Max(16.0))),
            ("1,000 waiting sessions, memory of each", "KiB", None),
            ("1,000 waiting sessions, threads", "", Some(Target::Max(16.0))),
        ],
    }
}
