use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pool_core::{DiscardReason, Disposition};
use tokio::time::{sleep, timeout};

use super::*;
use crate::testing::{Behaviour, FakePool, FakePools, house, inventory};
use crate::{CheckResult, FailureKind, Measurement, RttMs, SkipReason, Unanswered};

const SECOND: Duration = Duration::from_secs(1);

/// Every line of [`inventory`] once, on a router that behaves this way.
async fn once(lines: usize, pool: &FakePool) -> Vec<Outcome> {
    let (house, mut receiver, _shutdown) = house(FakePools::one(pool), 1);
    let run = tokio::spawn(async move { house.run_once(inventory(lines)).await });
    let mut outcomes = Vec::new();
    while let Some(outcome) = receiver.recv().await {
        outcomes.push(outcome);
    }
    run.await.unwrap();
    outcomes
}

#[tokio::test(start_paused = true)]
async fn running_once_checks_every_line_once_and_ends() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let outcomes = once(100, &pool).await;
    let mut lines: Vec<_> = outcomes.iter().map(|outcome| &outcome.line).collect();
    lines.sort();
    lines.dedup();
    assert_eq!((lines.len(), outcomes.len()), (100, 100));
    assert_eq!(pool.seen().in_use_max.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_measured_check_tells_how_it_came_by_its_session() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let outcome = once(2, &pool).await.pop().unwrap();
    let rtt = Some(RttMs { min: 1.0, avg: 2.0, max: 4.0 });
    let mut measured = Measurement::new(5, 4, rtt);
    measured.details.unanswered.insert(Unanswered::TimedOut, 1);
    assert_eq!(outcome.result, CheckResult::Measured(measured.into()));
    assert_eq!((outcome.duration, outcome.wait), (SECOND, Duration::from_millis(3)));
    assert_eq!(outcome.reused, Some(true));
    assert_eq!(outcome.legacy_status(), None);
}

#[tokio::test(start_paused = true)]
async fn the_output_of_another_ping_is_not_booked_and_its_session_not_used_again() {
    let pool = FakePool::new(|_| Behaviour::AnswersOther);
    let outcome = once(1, &pool).await.pop().unwrap();
    let CheckResult::Failed(failure) = &outcome.result else { panic!("{outcome:?}") };
    assert_eq!(failure.kind.as_str(), "Desynchronised");
    assert!(failure.message.contains("203.0.113.99"), "{}", failure.message);
    assert_eq!(outcome.legacy_status(), Some("ParseResultFailed"));
    let returned = pool.seen().returned.all();
    assert_eq!(returned[0].1, Disposition::Discard(DiscardReason::Unwanted));
}

#[tokio::test(start_paused = true)]
async fn a_router_without_a_pool_still_has_outcomes() {
    let (house, mut receiver, _shutdown) = house(Arc::new(FakePools::default()), 8);
    house.run_once(inventory(3)).await;
    drop(house);
    for _ in 0..3 {
        let outcome = receiver.recv().await.unwrap();
        assert_eq!(outcome.legacy_status(), Some("ConnectionError"));
    }
    assert!(receiver.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn shutting_down_delivers_what_is_finished_and_faults_nothing() {
    let pool = FakePool::new(|number| match number {
        0 | 1 => Behaviour::Answers(SECOND),
        2 => Behaviour::HangsInCommand,
        _ => Behaviour::IgnoresDeadline,
    });
    let (house, mut receiver, shutdown) = house(FakePools::one(&pool), 100);
    let run = tokio::spawn(async move { house.run_once(inventory(6)).await });
    sleep(SECOND * 5).await;
    shutdown.cancel();
    timeout(SECOND, run).await.expect("at once").unwrap();
    let mut results = Vec::new();
    while let Some(outcome) = receiver.recv().await {
        results.push(outcome.result);
    }
    assert!(matches!(results[..2], [CheckResult::Measured(_), CheckResult::Measured(_)]));
    assert_eq!(results.len(), 6);
    let skipped = CheckResult::Skipped(SkipReason::ShuttingDown);
    assert!(results[2..].iter().all(|result| *result == skipped), "{results:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_delays_checks_and_loses_no_due_time() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let (house, mut receiver, shutdown) = house(FakePools::one(&pool), 1);
    let scheduler = house.start(inventory(20));
    sleep(SECOND * 600).await;
    assert!(pool.seen().gets.load(Ordering::SeqCst) < 40, "nothing is begun meanwhile");
    let stop = tokio::spawn(async move {
        sleep(SECOND * 59).await;
        shutdown.cancel();
        scheduler.join().await;
    });
    let mut outcomes = Vec::new();
    while let Some(outcome) = receiver.recv().await {
        outcomes.push((outcome.line, outcome.scheduled_at));
    }
    stop.await.unwrap();
    // Eleven minutes, less one second.
    assert!((20 * 11 - 2..=20 * 11).contains(&outcomes.len()), "{}", outcomes.len());
    outcomes.sort();
    let total = outcomes.len();
    outcomes.dedup();
    assert_eq!(outcomes.len(), total, "one outcome for each due time");
}

/// Pools of which the first that is to be retired brings its router's worker down.
#[derive(Debug)]
struct Fragile {
    pools: Arc<FakePools>,
    has_broken: std::sync::atomic::AtomicBool,
}

impl Pools for Fragile {
    fn pool(
        &self,
        router: &crate::Router,
    ) -> pool_core::Result<Arc<dyn pool_core::ConnectionPool>> {
        self.pools.pool(router)
    }

    fn retire(&self, _: &crate::RouterName) {
        if !self.has_broken.swap(true, Ordering::SeqCst) {
            // Not `panic!`: its message would fill the test's output.
            std::panic::resume_unwind(Box::new("retire"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_breaks_down_has_accounted_for_all_and_another_goes_on() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND * 40));
    let pools = Arc::new(Fragile { pools: FakePools::one(&pool), has_broken: false.into() });
    let (house, mut receiver, shutdown) = house(pools, 1000);
    let scheduler = house.start(inventory(8));
    sleep(SECOND * 75).await;
    let mut changed = inventory(8);
    changed.routers[0].connection.read_timeout = SECOND * 50;
    scheduler.reconciler().reconcile(changed).await.unwrap();
    sleep(SECOND * 300).await;
    shutdown.cancel();
    scheduler.join().await;
    let mut broken = 0;
    let mut due: std::collections::BTreeMap<_, Vec<_>> = std::collections::BTreeMap::new();
    while let Some(outcome) = receiver.recv().await {
        let panicked = matches!(&outcome.result, CheckResult::Failed(failure)
            if failure.kind == FailureKind::Panicked);
        broken += usize::from(panicked);
        due.entry(outcome.line).or_default().push(outcome.scheduled_at);
    }
    assert!(broken >= 2, "what was under way has an outcome: {broken}");
    assert_eq!(due.len(), 8);
    for (line, times) in due {
        let apart = times.windows(2).map(|two| two[1].duration_since(two[0]).as_secs());
        assert_eq!(apart.collect::<Vec<_>>(), vec![60; times.len() - 1], "{line}");
        assert!(times.len() >= 6, "{line}: it goes on: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_tasks_take_effect_and_leave_rhythm_and_sessions_alone() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let (house, mut receiver, shutdown) = house(FakePools::one(&pool), 1000);
    let scheduler = house.start(inventory(8));
    sleep(SECOND * 90).await;
    let tasks = Arc::new(Tasks::builtin());
    let diff = scheduler.reconciler().reconcile_with_tasks(inventory(8), tasks).await.unwrap();
    assert!(diff.is_empty(), "{diff}");
    sleep(SECOND * 210).await;
    shutdown.cancel();
    scheduler.join().await;
    assert_eq!(pool.seen().retired.load(Ordering::SeqCst), 0);
    let mut outcomes = 0;
    while receiver.recv().await.is_some() {
        outcomes += 1;
    }
    assert_eq!(outcomes, 8 * 5, "one for each due time");
}

#[tokio::test(start_paused = true)]
async fn settings_by_which_the_same_sessions_are_made_take_effect_and_retire_no_pool() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let (house, mut receiver, shutdown) = house(FakePools::one(&pool), 1000);
    let scheduler = house.start(inventory(8));
    sleep(SECOND * 90).await;
    let mut changed = inventory(8);
    let connection = &mut changed.routers[0].connection;
    (connection.max_connections, connection.min_connections) = (1, 0);
    (connection.retry_max_attempts, connection.retry_timeout) = (5, SECOND * 9);
    connection.connect_timeout = SECOND * 9;
    scheduler.reconciler().reconcile(changed.clone()).await.unwrap();
    sleep(SECOND * 90).await;
    assert_eq!(pool.seen().retired.load(Ordering::SeqCst), 0);
    assert_eq!(pool.seen().too_many.load(Ordering::SeqCst), 0, "one at a time from now on");
    changed.routers[0].connection.write_timeout = SECOND * 9;
    scheduler.reconciler().reconcile(changed).await.unwrap();
    assert_eq!(pool.seen().retired.load(Ordering::SeqCst), 1);
    sleep(SECOND * 120).await;
    shutdown.cancel();
    scheduler.join().await;
    let mut outcomes = 0;
    while receiver.recv().await.is_some() {
        outcomes += 1;
    }
    assert_eq!(outcomes, 8 * 5, "one for each due time");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_receiver_ends_the_schedule() {
    for lines in [0, 20] {
        let pool = FakePool::new(|_| Behaviour::IgnoresDeadline);
        let (house, receiver, _shutdown) = house(FakePools::one(&pool), 1);
        let scheduler = house.start(inventory(lines));
        sleep(SECOND * 90).await;
        drop(receiver);
        timeout(SECOND, scheduler.join()).await.expect("at once");
        assert_eq!(pool.seen().in_use.load(Ordering::SeqCst), 0, "nothing runs on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_breaks_down_is_started_again() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let (mut house, mut receiver, _shutdown) = house(FakePools::one(&pool), 100);
    let (calls, clock) = (AtomicUsize::new(0), house.clock.clone());
    house.clock = Clock::new(move || match calls.fetch_add(1, Ordering::SeqCst) {
        50 => std::panic::resume_unwind(Box::new("clock")),
        _ => clock.now(),
    });
    let _scheduler = house.start(inventory(5));
    for _ in 0..100 {
        let outcome = timeout(SECOND * 120, receiver.recv()).await.expect("still at work");
        let result = outcome.unwrap().result;
        let panicked = matches!(&result, CheckResult::Failed(failure)
            if failure.kind == FailureKind::Panicked);
        assert!(panicked || matches!(result, CheckResult::Measured(_)), "{result:?}");
    }
}
