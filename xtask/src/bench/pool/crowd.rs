use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use super::super::report::Target;
use super::super::rounds::quantile;
use super::subject::{Subject, fill};
use super::{Case, Cell, bounded, two_threads};

const CROWD_SLOTS: usize = 4;
const CROWD_TASKS: u32 = 64;
/// Turns of each task.
const CROWD_TURNS: u32 = 300;

/// Many tasks and a few connections, each used for no time at all, or for as long as it takes
/// the others to have a turn.
pub(super) struct Crowd {
    pub(super) yields: bool,
}

impl Cell for Crowd {
    const ROUNDS: usize = 41;

    fn cases(&self) -> Vec<Case> {
        let name = if self.yields { "crowd-yield" } else { "crowd" };
        // Without the yield the floor is no measure: hardly anybody ever waits.
        let target = self.yields.then_some(Target::TimesFloorMax(1.2));
        vec![Case { name, unit: "ns", target }]
    }

    fn measure<S: Subject>(&self) -> Result<Vec<f64>> {
        let yields = self.yields;
        let elapsed = bounded(&two_threads()?, async {
            let subject = Arc::new(S::new(CROWD_SLOTS));
            fill(&*subject, CROWD_SLOTS).await;
            let started = Instant::now();
            let tasks: JoinSet<()> =
                (0..CROWD_TASKS).map(|_| take_turns(subject.clone(), yields)).collect();
            tasks.join_all().await;
            started.elapsed()
        })?;
        Ok(vec![elapsed.as_secs_f64() * 1e9 / f64::from(CROWD_TASKS * CROWD_TURNS)])
    }
}

async fn take_turns<S: Subject>(subject: Arc<S>, yields: bool) {
    let caller = subject.caller();
    for _ in 0..CROWD_TURNS {
        let held = subject.acquire(&caller).await;
        if yields {
            yield_now().await;
        }
        drop(held);
    }
}

const HOLDERS_SLOTS: usize = 2;
const HOLDERS: usize = 16;
const HOLD: Duration = Duration::from_millis(2);
/// Some 30 turns for each, if all is fair.
const HOLDERS_TIME: Duration = Duration::from_millis(900);

/// As on a router: more lines than sessions, and each uses its session for a while.
pub(super) struct Holders;

impl Cell for Holders {
    const ROUNDS: usize = 7;

    fn cases(&self) -> Vec<Case> {
        let p99 = Some(Target::TimesFloorMax(1.1));
        vec![
            Case { name: "hold-2ms-wait-p50", unit: "ms", target: None },
            Case { name: "hold-2ms-wait-p99", unit: "ms", target: p99 },
            Case { name: "hold-2ms-jain", unit: "index", target: Some(Target::Min(0.99)) },
        ]
    }

    fn measure<S: Subject>(&self) -> Result<Vec<f64>> {
        let waits = bounded(&two_threads()?, async {
            let subject = Arc::new(S::new(HOLDERS_SLOTS));
            fill(&*subject, HOLDERS_SLOTS).await;
            let end = Instant::now() + HOLDERS_TIME;
            let tasks: JoinSet<_> =
                (0..HOLDERS).map(|_| hold_until(end, subject.clone())).collect();
            tasks.join_all().await
        })?;
        let all = || waits.iter().flatten().map(|wait| wait.as_secs_f64() * 1e3);
        let turns: Vec<_> = waits.iter().map(|waits| waits.len() as f64).collect();
        Ok(vec![quantile(all(), 0.5), quantile(all(), 0.99), jain(&turns)])
    }
}

/// Returns how long each turn was waited for, also the one that was waited for at the end.
async fn hold_until<S: Subject>(end: Instant, subject: Arc<S>) -> Vec<Duration> {
    let caller = subject.caller();
    let mut waits = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let held = subject.acquire(&caller).await;
        waits.push(asked.elapsed());
        sleep(HOLD).await;
        drop(held);
    }
    waits
}

/// Jain's index of fairness: 1 when all have the same, 1/n when one has it all.
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    sum * sum / (shares.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::jain;

    #[test]
    fn jain_knows_fair_from_unfair() {
        assert_eq!(jain(&[3.0, 3.0, 3.0, 3.0]), 1.0);
        assert_eq!(jain(&[9.0, 0.0, 0.0, 0.0]), 0.25);
    }
}
