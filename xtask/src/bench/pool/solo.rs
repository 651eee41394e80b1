use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};

use anyhow::Result;
use tokio::time::Instant;

use super::super::report::Target;
use super::subject::{Subject, fill};
use super::{Case, Cell, bounded, one_thread};

/// Takes and returns in a row for one caller.
const TURNS: u32 = 40_000;
/// Callers that give up before the one that stays.
const GIVING_UP: u32 = 64;
/// How often they do so in one measurement.
const REPEATS: u32 = 200;

/// One caller, who finds an idle connection each time.
pub(super) struct Uncontended;

impl Cell for Uncontended {
    const ROUNDS: usize = 41;

    fn cases(&self) -> Vec<Case> {
        let target = Some(Target::TimesFloorMax(1.5));
        vec![Case { name: "uncontended", unit: "ns", target }]
    }

    fn measure<S: Subject>(&self) -> Result<Vec<f64>> {
        let elapsed = bounded(&one_thread()?, async {
            let subject = S::new(4);
            fill(&subject, 4).await;
            let caller = subject.caller();
            let started = Instant::now();
            for _ in 0..TURNS {
                drop(black_box(subject.acquire(&caller).await));
            }
            started.elapsed()
        })?;
        Ok(vec![elapsed.as_secs_f64() * 1e9 / f64::from(TURNS)])
    }
}

/// Many queue for the only connection and give up; whoever queued behind them is then served.
pub(super) struct GivingUp;

impl Cell for GivingUp {
    const ROUNDS: usize = 41;

    fn cases(&self) -> Vec<Case> {
        vec![Case { name: "cancelled-waiter", unit: "ns", target: None }]
    }

    fn measure<S: Subject>(&self) -> Result<Vec<f64>> {
        let elapsed = bounded(&one_thread()?, async {
            let subject = S::new(1);
            fill(&subject, 1).await;
            let started = Instant::now();
            for _ in 0..REPEATS {
                give_up(&subject).await;
            }
            started.elapsed()
        })?;
        Ok(vec![elapsed.as_secs_f64() * 1e9 / f64::from(REPEATS * GIVING_UP)])
    }
}

async fn give_up<S: Subject>(subject: &S) {
    let caller = subject.caller();
    let held = subject.acquire(&caller).await;
    let mut asleep = Context::from_waker(Waker::noop());
    let mut queue: Vec<_> = (0..GIVING_UP).map(|_| Box::pin(subject.acquire(&caller))).collect();
    for waiter in &mut queue {
        assert!(waiter.as_mut().poll(&mut asleep).is_pending(), "the connection is taken");
    }
    let mut patient = pin!(subject.acquire(&caller));
    assert!(patient.as_mut().poll(&mut asleep).is_pending(), "the connection is taken");
    drop(queue);
    drop(held);
    drop(patient.await);
}
