//! The session pool: what taking and giving back costs when nobody else wants anything, in a
//! crowd, and when others give up; how fair it is; and what an idle router costs.
//!
//! The allocator counts in every cell, not only where memory is measured. That adds a few
//! nanoseconds to each allocation, of whoever makes it.

mod contained;
mod crowd;
mod memory;
mod ours;
mod peers;
mod solo;
mod subject;

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use self::ours::Ours;
use self::peers::{Bb8, Deadpool, DeadpoolTimed};
use self::subject::{Floor, Subject};
use super::report::{Row, Target};
use super::rounds::interleave;

/// Much longer than any measurement of one contestant takes. One that loses a waiter would hang.
const MEASUREMENT_MAX: Duration = Duration::from_secs(10);

/// Something that is measured, on every subject in the same way.
trait Cell {
    /// How often, so that the median of a shared machine is worth something.
    const ROUNDS: usize;

    /// What the figures are.
    fn cases(&self) -> Vec<Case>;

    /// Measures a fresh subject once. Returns one figure per case.
    fn measure<S: Subject>(&self) -> Result<Vec<f64>>;
}

/// One figure of a cell.
struct Case {
    name: &'static str,
    unit: &'static str,
    target: Option<Target>,
}

pub(super) fn run() -> Result<Vec<Row>> {
    let cells = [
        rows(&solo::Uncontended)?,
        rows(&crowd::Crowd { yields: false })?,
        rows(&crowd::Crowd { yields: true })?,
        rows(&crowd::Holders)?,
        rows(&solo::GivingUp)?,
        rows(&memory::Footprint)?,
        rows(&memory::Allocations)?,
        vec![contained::row()?],
    ];
    Ok(cells.into_iter().flatten().collect())
}

fn rows<C: Cell>(cell: &C) -> Result<Vec<Row>> {
    let peers = ["deadpool", "deadpool+timeouts", "bb8"];
    let contestants = [
        Box::new(|| cell.measure::<Ours>()) as _,
        Box::new(|| cell.measure::<Floor>()) as _,
        Box::new(|| cell.measure::<Deadpool>()) as _,
        Box::new(|| cell.measure::<DeadpoolTimed>()) as _,
        Box::new(|| cell.measure::<Bb8>()) as _,
    ];
    let figures = interleave(C::ROUNDS, &contestants)?;
    let row = |(case, Case { name, unit, target })| Row {
        bench: "pool",
        case: name.into(),
        unit,
        ours: figures[0][case],
        floor: figures[1][case],
        peers: peers.into_iter().zip(figures[2..].iter().map(|peer| peer[case])).collect(),
        target,
    };
    Ok(cell.cases().into_iter().enumerate().map(row).collect())
}

/// Runs a measurement, and ends it if somebody is never served.
fn bounded<T>(runtime: &Runtime, measurement: impl Future<Output = T>) -> Result<T> {
    runtime
        .block_on(async { tokio::time::timeout(MEASUREMENT_MAX, measurement).await })
        .context("a contestant never came to its end")
}

/// A runtime on this thread alone.
fn one_thread() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot start a runtime")
}

/// A runtime with two workers, as many as the smallest machines have cores.
fn two_threads() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .context("cannot start a runtime")
}
