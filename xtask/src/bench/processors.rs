//! Who runs on which processor, where that decides what a client seems to cost.

use std::hint::spin_loop;
use std::thread;

use anyhow::{Context, Result};
use rustix::process::nice;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The niceness of what runs only while nothing else wants the processor (nice(2)).
const LOWEST_PRIORITY: i32 = 19;

/// A processor for the routers of a bench, and another for whoever is measured; `None` for both
/// where there is only one.
///
/// On loopback the kernel carries a packet to the other side, and wakes whoever waits for it there,
/// on the time of the sender. What that costs depends on where both happen to run, and whoever
/// sleeps more often is more often put beside its router, where it is cheap. Kept apart, a client
/// pays the same for it every time, as it does with a router on another machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processors {
    pub(super) routers: Option<usize>,
    pub(super) clients: Option<usize>,
}

impl Processors {
    /// Two of those that this process may run on.
    pub(super) fn apart() -> Result<Self> {
        let set = sched_getaffinity(None).context("cannot tell the processors of this process")?;
        let mut ours = (0..CpuSet::MAX_CPU).filter(|&processor| set.is_set(processor));
        let two = ours.next().zip(ours.next());
        let (routers, clients) = two.unzip();
        Ok(Self { routers, clients })
    }
}

/// Has this thread, and all that it starts from here on, run on `processor` alone.
pub(super) fn stay_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).with_context(|| format!("cannot stay on processor {processor}"))
}

/// Keeps the processor of this thread, and of all that it starts, from falling asleep until the
/// process ends.
///
/// To wake a processor that sleeps takes longer the longer it has slept, and on loopback that, too,
/// is on the time of whoever sends: a client that is slower by a little would pay for it twice.
/// Whoever has something to do goes first.
pub(super) fn keep_awake() -> Result<()> {
    let spin = || {
        // Of this thread alone, as nice(2) has it on Linux. It fails nowhere where it is lowered.
        nice(LOWEST_PRIORITY).ok();
        loop {
            spin_loop();
        }
    };
    thread::Builder::new().spawn(spin).context("no thread to keep a processor awake")?;
    Ok(())
}
