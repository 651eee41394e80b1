use std::time::Duration;

use allocation_counter::measure;
use anyhow::Result;
use futures_util::FutureExt;

use super::super::report::Target;
use super::subject::{Subject, fill};
use super::{Case, Cell, bounded, one_thread};

/// Enough that what the runtime keeps for itself does not show.
const ROUTERS: u32 = 512;
/// What a router is configured for by default.
const SLOTS: usize = 2;
/// Longer than it takes the tasks that made the sessions to end.
const SETTLE: Duration = Duration::from_millis(20);
const ACQUIRES: u32 = 1000;

/// What a pool costs that nobody uses: before its first session, and with one that is idle. The
/// session itself is not counted.
pub(super) struct Footprint;

impl Cell for Footprint {
    const ROUNDS: usize = 1;

    fn cases(&self) -> Vec<Case> {
        let (bytes, tasks) = (Some(Target::Max(512.0)), Some(Target::Max(0.0)));
        vec![
            Case { name: "idle-router-no-session", unit: "bytes", target: bytes },
            Case { name: "idle-router-one-session", unit: "bytes", target: bytes },
            Case { name: "idle-router-tasks", unit: "count", target: tasks },
        ]
    }

    fn measure<S: Subject>(&self) -> Result<Vec<f64>> {
        let runtime = one_thread()?;
        // One for the statics, which belong to no router.
        let first = runtime.block_on(async {
            let first = S::new(SLOTS);
            fill(&first, 1).await;
            first
        });
        let tasks_before = runtime.metrics().num_alive_tasks();
        let mut routers = Vec::with_capacity(ROUTERS as usize);
        let made = measure(|| {
            let _entered = runtime.enter();
            routers.extend((0..ROUTERS).map(|_| S::new(SLOTS)));
        });
        let mut filled = Ok(());
        let with_sessions = measure(|| filled = bounded(&runtime, one_session_each(&routers)));
        filled?;
        let tasks = runtime.metrics().num_alive_tasks() - tasks_before;
        drop((first, routers));
        let each = |bytes: i64| bytes as f64 / f64::from(ROUTERS);
        let empty = size_of::<S>() as f64 + each(made.bytes_current);
        let idle = empty + each(with_sessions.bytes_current);
        Ok(vec![empty, idle, tasks as f64 / f64::from(ROUTERS)])
    }
}

async fn one_session_each<S: Subject>(routers: &[S]) {
    for router in routers {
        fill(router, 1).await;
    }
    tokio::time::sleep(SETTLE).await;
}

/// What taking an idle connection and giving it back allocates: for a caller that keeps its
/// context, and for one that makes a new one each time.
pub(super) struct Allocations;

impl Cell for Allocations {
    const ROUNDS: usize = 1;

    fn cases(&self) -> Vec<Case> {
        let none = Some(Target::Max(0.0));
        vec![
            Case { name: "allocations", unit: "count", target: none },
            Case { name: "allocations-own-context", unit: "count", target: None },
        ]
    }

    fn measure<S: Subject>(&self) -> Result<Vec<f64>> {
        let runtime = one_thread()?;
        let subject = runtime.block_on(async {
            let subject = S::new(SLOTS);
            fill(&subject, SLOTS).await;
            subject
        });
        let _entered = runtime.enter();
        let caller = subject.caller();
        let kept = measure(|| (0..ACQUIRES).for_each(|_| take_at_once(&subject, &caller)));
        let own = measure(|| {
            (0..ACQUIRES).for_each(|_| take_at_once(&subject, &subject.caller()));
        });
        let each = |count: u64| count as f64 / f64::from(ACQUIRES);
        Ok(vec![each(kept.count_total), each(own.count_total)])
    }
}

fn take_at_once<S: Subject>(subject: &S, caller: &S::Caller) {
    let held = subject.acquire(caller).now_or_never();
    assert!(held.is_some(), "an idle connection was not lent at once");
}
