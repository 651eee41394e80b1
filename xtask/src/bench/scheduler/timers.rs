//! Bare timers beside the schedule, on the same thread: how late anything is that waits there.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How many there are, and how often each of them is due: few enough to cost nothing beside the
/// checks, and often enough for a 99th percentile.
const TIMERS: u32 = 10;
const EVERY: Duration = Duration::from_millis(100);

/// Timers that are under way.
#[derive(Debug)]
pub(super) struct Timers(JoinSet<Vec<f64>>);

impl Timers {
    /// Starts them, for so long. Each has a phase of its own, as lines have.
    pub(super) fn start(time: Duration) -> Self {
        let began = Instant::now();
        let phase = |nth| EVERY / TIMERS * nth;
        let timer = |nth| watch(began + phase(nth), began + time);
        Self((0..TIMERS).map(timer).collect())
    }

    /// How late they were, in milliseconds.
    pub(super) async fn lateness_ms(mut self) -> Result<Vec<f64>> {
        let mut all = Vec::new();
        while let Some(late) = self.0.join_next().await {
            all.extend(late?);
        }
        Ok(all)
    }
}

async fn watch(first: Instant, end: Instant) -> Vec<f64> {
    let mut late_ms = Vec::new();
    let mut due = first + EVERY;
    while due < end {
        sleep_until(due).await;
        late_ms.push(due.elapsed().as_secs_f64() * 1000.0);
        due += EVERY;
    }
    late_ms
}
