//! The account over hours of simulated time: every line and due time has exactly one outcome.

mod check_now;
mod jumps;
mod leases;
mod ledger;
mod operators;
mod predecessor;
mod preload;
mod random;
mod rules;
mod states;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::due::phase;
use crate::testing::{Behaviour, FakePool, FakePools, house, inventory, line, router};
use crate::{
    CheckResult, FailureKind, Interval, Inventory, LineState, Outcome, Router, SkipReason, Trigger,
};

use random::{Random, Seed, seeds};

const HOUR: Duration = Duration::from_secs(3600);

async fn collect(mut outcomes: mpsc::Receiver<Outcome>) -> Vec<Outcome> {
    let mut all = Vec::new();
    while let Some(outcome) = outcomes.recv().await {
        all.push(outcome);
    }
    all
}

/// Runs the schedule for a while and returns the outcomes, with the account checked.
async fn run(inventory: &Inventory, pools: Arc<FakePools>, time: Duration) -> Vec<Outcome> {
    let (house, outcomes, shutdown) = house(pools, 16);
    let clock = house.clock.clone();
    let start = clock.now();
    let scheduler = house.start(inventory.clone());
    let collected = tokio::spawn(collect(outcomes));
    sleep(time).await;
    let stop = clock.now();
    shutdown.cancel();
    scheduler.join().await;
    let all = collected.await.unwrap();
    check_account(inventory, &all, start, stop);
    all
}

/// Exactly one outcome for each due time of each line, in order, and on the line's grid.
fn check_account(inventory: &Inventory, outcomes: &[Outcome], start: Timestamp, stop: Timestamp) {
    let mut seen: HashMap<_, Vec<i64>> = HashMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.trigger == Trigger::Schedule) {
        let at = outcome.scheduled_at.as_millisecond();
        seen.entry(outcome.line.clone()).or_default().push(at);
    }
    for line in &inventory.lines {
        let interval = i64::try_from(line.interval.as_duration().as_millis()).unwrap();
        let phase = i64::try_from(phase(&line.id, line.interval).as_millis()).unwrap();
        let first = start.as_millisecond();
        let first = first + (phase - first).rem_euclid(interval);
        let expected: Vec<i64> = (0..)
            .map(|round| first + round * interval)
            .take_while(|at| *at <= stop.as_millisecond())
            .collect();
        let longest = outcomes.iter().filter(|outcome| outcome.line == line.id);
        let longest = longest.map(|outcome| outcome.duration).max();
        assert!(longest < Some(line.interval.as_duration()), "a check outlasts its interval");
        let got = seen.remove(&line.id).unwrap_or_default();
        assert_eq!(got, expected, "line {} every {interval} ms", line.id);
    }
    assert!(seen.is_empty(), "outcomes of no line: {seen:?}");
}

fn count(outcomes: &[Outcome], matches: impl Fn(&CheckResult) -> bool) -> usize {
    outcomes.iter().filter(|outcome| matches(&outcome.result)).count()
}

fn measured(result: &CheckResult) -> bool {
    matches!(result, CheckResult::Measured(_))
}

fn overrun(result: &CheckResult) -> bool {
    *result == CheckResult::Skipped(SkipReason::Overrun)
}

/// 20 lines a minute on one router that always behaves this way, for an hour.
async fn an_hour_of(behaviour: Behaviour) -> Vec<Outcome> {
    let pool = FakePool::new(move |_| behaviour);
    let outcomes = run(&inventory(20), FakePools::one(&pool), HOUR).await;
    assert_eq!(outcomes.len(), 20 * 60);
    assert!(pool.seen().in_use_max.load(Ordering::SeqCst) <= 2, "two sessions are allowed");
    assert_eq!(pool.seen().in_use.load(Ordering::SeqCst), 0, "nothing runs on");
    assert!(*pool.seen().remaining_max.lock() < Duration::from_secs(60));
    outcomes
}

#[tokio::test(start_paused = true)]
async fn a_healthy_router_is_measured_at_every_due_time() {
    let outcomes = an_hour_of(Behaviour::Answers(Duration::from_secs(4))).await;
    assert!(count(&outcomes, measured) >= 20 * 60 - 3, "all but those in flight at the end");
    assert_eq!(count(&outcomes, overrun), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_router_is_measured_as_often_as_it_can_and_skipped_otherwise() {
    let outcomes = an_hour_of(Behaviour::Answers(Duration::from_secs(9))).await;
    // Two sessions have 7200 seconds in the hour.
    let measured_total = count(&outcomes, measured);
    assert!((770..=800).contains(&measured_total), "{measured_total}");
    assert!(count(&outcomes, overrun) >= 380);
    for line in inventory(20).lines {
        let own = outcomes.iter().filter(|outcome| outcome.line == line.id);
        let own = own.filter(|outcome| measured(&outcome.result)).count();
        assert!(own >= 30, "the shortage is shared: {} was measured {own} times", line.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_router_fails_or_skips_at_every_due_time() {
    for behaviour in [Behaviour::NoSession, Behaviour::IgnoresDeadline] {
        let outcomes = an_hour_of(behaviour).await;
        let timed_out = |result: &CheckResult| match result {
            CheckResult::Failed(failure) => failure.kind.as_str() == "DeadlineExceeded",
            _ => false,
        };
        assert!(count(&outcomes, timed_out) >= 200);
        let waited = outcomes.iter().filter(|outcome| timed_out(&outcome.result));
        assert!(waited.clone().all(|outcome| outcome.wait >= Duration::from_secs(30)));
        assert!(waited.clone().all(|outcome| outcome.reused.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusing_router_fails_at_every_due_time() {
    let outcomes = an_hour_of(Behaviour::Refuses).await;
    assert_eq!(count(&outcomes, |result| matches!(result, CheckResult::Failed(_))), 20 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_outcome_of_its_own_check_and_of_no_other() {
    for behaviour in [Behaviour::PanicsInGet, Behaviour::PanicsInCommand] {
        let outcomes = an_hour_of(behaviour).await;
        let panicked = |result: &CheckResult| matches!(result, CheckResult::Failed(failure) if failure.kind == FailureKind::Panicked);
        assert_eq!(count(&outcomes, panicked), 20 * 60);
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_is_cut_off_before_the_line_is_due_again() {
    let outcomes = an_hour_of(Behaviour::HangsInCommand).await;
    let cut = outcomes.iter().filter(|outcome| matches!(outcome.result, CheckResult::Failed(_)));
    assert!(cut.clone().count() > 100);
    assert!(cut.clone().all(|outcome| outcome.duration < Duration::from_secs(60)));
    assert!(cut.clone().all(|outcome| outcome.legacy_status() == Some("CheckTimeout")));
}

#[tokio::test(start_paused = true)]
async fn checks_do_not_drift_over_a_day() {
    let pool = FakePool::new(|number| {
        Behaviour::Answers(Duration::from_millis(u64::try_from(number % 977).unwrap()))
    });
    let outcomes = run(&inventory(2), FakePools::one(&pool), HOUR * 24).await;
    let late = outcomes.iter().filter_map(|outcome| {
        Some(outcome.started_at?.duration_since(outcome.scheduled_at).as_millis())
    });
    // Tokio's timers have a resolution of a millisecond.
    assert!(late.max().is_some_and(|late_ms| late_ms <= 1));
}

/// Any behaviour, and now and then forty checks in a row that nobody answers.
fn random_behaviour(seed: u64, number: usize) -> Behaviour {
    let number = u64::try_from(number).unwrap();
    let is_dead = Random(seed ^ (number / 40) << 32).below(5) == 0;
    if is_dead { Behaviour::Silent } else { Random(seed ^ number).behaviour() }
}

/// What was sent is the full count, or the one packet of a first look at a line that is down.
fn check_looks(inventory: &Inventory, outcomes: &[Outcome]) -> usize {
    let mut looks = 0;
    for outcome in outcomes {
        let CheckResult::Measured(figures) = &outcome.result else { continue };
        let ping = figures.ping().unwrap();
        if ping.sent == 5 {
            continue;
        }
        let router = inventory.routers.iter().find(|router| router.name == outcome.router);
        assert!(router.unwrap().rules.first_look, "nobody asked for it");
        assert_eq!((ping.sent, ping.received), (1, 0));
        assert_eq!(outcome.trigger, Trigger::Schedule);
        assert_eq!(outcome.line_status.state, LineState::Down);
        looks += 1;
    }
    looks
}

/// No two checks begin sooner after each other than the router's rules allow.
fn check_pace(router: &Router, outcomes: &[Outcome]) {
    let Some(max) = router.rules.per_minute_max else { return };
    let own = outcomes.iter().filter(|outcome| outcome.router == router.name);
    let mut began: Vec<_> = own.filter_map(|o| Some(o.started_at?.as_millisecond())).collect();
    began.sort_unstable();
    let gap = began.windows(2).map(|pair| pair[1] - pair[0]).min();
    assert!(gap >= Some(60_000 / i64::from(max)), "{}: {gap:?} ms at {max}", router.name);
}

fn random_world(seed: u64) -> (Inventory, Arc<FakePools>) {
    let mut random = Random(seed);
    let mut inventory = Inventory::default();
    let mut pools = FakePools::default();
    for number in 0..6 {
        let name = format!("edge-{number}");
        let mut router = router(&name);
        router.connection.max_connections = usize::try_from(1 + random.below(3)).unwrap();
        router.rules.first_look = random.below(2) == 0;
        router.rules.per_minute_max = (random.below(3) == 0).then_some(60);
        inventory.routers.push(router);
        for _ in 0..=random.below(12) {
            let id = format!("L{:04}", inventory.lines.len());
            let mut line = line(&id, &name);
            let interval = Duration::from_millis(10_000 + random.below(300_000));
            line.interval = Interval::new(interval).unwrap();
            inventory.lines.push(line);
        }
        let seed = random.below(u64::MAX);
        pools.0.insert(name, FakePool::new(move |number| random_behaviour(seed, number)));
    }
    (inventory, Arc::new(pools))
}

#[tokio::test(start_paused = true)]
async fn whatever_routers_do_each_due_time_has_exactly_one_outcome() {
    let mut looks = 0;
    for seed in seeds(8) {
        let _seed = Seed(seed);
        let (inventory, pools) = random_world(seed);
        let outcomes = run(&inventory, pools.clone(), HOUR * 3).await;
        assert!(count(&outcomes, measured) > 500);
        looks += check_looks(&inventory, &outcomes);
        for router in &inventory.routers {
            check_pace(router, &outcomes);
            let seen = pools.0[router.name.as_str()].seen();
            let in_use_max = seen.in_use_max.load(Ordering::SeqCst);
            assert!(in_use_max <= router.connection.max_connections, "seed {seed}");
            assert_eq!(seen.reused_broken.load(Ordering::SeqCst), 0, "seed {seed}");
        }
    }
    assert!(looks > 0, "lines that are down are looked at first");
}
