//! Jumps of the wall clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::collect;
use super::random::{Random, Seed, seeds};
use crate::due::phase;
use crate::testing::{FakePool, FakePools, house};
use crate::{Interval, LineId};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn jumps_of_the_clock_cost_no_line_its_rhythm() {
    for seed in seeds(3) {
        let _seed = Seed(seed);
        let mut random = Random(seed);
        let pool = FakePool::new(|_| crate::testing::Behaviour::Answers(Duration::from_secs(1)));
        let (mut house, outcomes, shutdown) = house(FakePools::one(&pool), 64);
        let (steady, offset) = (house.clock.clone(), Arc::new(Mutex::new(0_i64)));
        house.clock = crate::due::Clock::new({
            let (steady, offset) = (steady.clone(), offset.clone());
            move || shifted(steady.now(), *offset.lock())
        });
        let inventory = crate::testing::inventory(5);
        let scheduler = house.start(inventory.clone());
        let collected = tokio::spawn(collect(outcomes));
        let began = steady.now();
        for _ in 0..20 {
            sleep(random.duration(MINUTE, MINUTE * 30)).await;
            // Steps of up to two hours either way; a machine that slept steps forward.
            let step = i64::try_from(random.below(14_400_000)).unwrap() - 7_200_000;
            *offset.lock() += step;
        }
        let minutes = steady.now().duration_since(began).as_secs() / 60;
        shutdown.cancel();
        scheduler.join().await;
        let mut counts: BTreeMap<LineId, i64> = BTreeMap::new();
        for outcome in collected.await.unwrap() {
            let line = inventory.lines.iter().find(|line| line.id == outcome.line).unwrap();
            let at = outcome.scheduled_at.as_millisecond().rem_euclid(60_000);
            let phase = phase(&line.id, line.interval).as_millis();
            assert_eq!(u128::try_from(at).unwrap(), phase, "on its grid");
            *counts.entry(outcome.line).or_default() += 1;
        }
        for (id, count) in counts {
            // A step moves the grid by less than an interval, either way.
            assert!((count - minutes).abs() <= 21, "{id}: {count} in {minutes} minutes");
        }
    }
}

fn shifted(at: Timestamp, ms: i64) -> Timestamp {
    at + jiff::SignedDuration::from_millis(ms)
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_is_not_late_by_that() {
    let pool = FakePool::new(|_| crate::testing::Behaviour::Answers(Duration::ZERO));
    let (mut house, outcomes, shutdown) = house(FakePools::one(&pool), 64);
    let (steady, offset) = (house.clock.clone(), Arc::new(Mutex::new(0_i64)));
    house.clock = crate::due::Clock::new({
        let (steady, offset) = (steady.clone(), offset.clone());
        move || shifted(steady.now(), *offset.lock())
    });
    let mut inventory = crate::testing::inventory(1);
    inventory.lines[0].interval = Interval::new(MINUTE * 60 * 24).unwrap();
    let scheduler = house.start(inventory);
    let collected = tokio::spawn(collect(outcomes));
    for _ in 0..4 {
        sleep(MINUTE * 60 * 12).await;
        // The lid was closed for two hours, of which only the wall clock knows.
        *offset.lock() += 2 * 3_600_000;
    }
    shutdown.cancel();
    scheduler.join().await;
    let outcomes = collected.await.unwrap();
    assert!(!outcomes.is_empty());
    for outcome in &outcomes {
        let late = outcome.started_at.unwrap().duration_since(outcome.scheduled_at);
        assert!(late.as_secs() < 60, "late by {late}");
    }
}
