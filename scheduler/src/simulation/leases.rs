//! Checks that follow each other on one session.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::collect;
use crate::testing::{Behaviour, FakePool, FakePools, house, inventory};
use crate::{CheckResult, Outcome};

const SECOND: Duration = Duration::from_secs(1);

/// Every one of so many lines once, on one session at a time.
async fn once(lines: usize, pool: &FakePool) -> Vec<Outcome> {
    let (house, outcomes, _shutdown) = house(FakePools::one(pool), 64);
    let mut inventory = inventory(lines);
    inventory.routers[0].connection.max_connections = 1;
    let collected = tokio::spawn(collect(outcomes));
    house.run_once(inventory).await;
    drop(house);
    collected.await.unwrap()
}

fn gets_and_checks(pool: &FakePool) -> (usize, usize) {
    let seen = pool.seen();
    (seen.gets.load(Ordering::SeqCst), seen.checks.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_due_follow_each_other_on_one_lease_and_say_so() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let outcomes = once(8, &pool).await;
    assert_eq!(gets_and_checks(&pool), (1, 8));
    let waits: Vec<_> = outcomes.iter().map(|outcome| outcome.wait.as_millis()).collect();
    assert_eq!(waits, [3, 0, 0, 0, 0, 0, 0, 0], "only the first has waited for it");
    let reused: Vec<_> = outcomes.iter().map(|outcome| outcome.reused.unwrap()).collect();
    assert_eq!(reused, [false, true, true, true, true, true, true, true]);
    assert!(outcomes.iter().all(|outcome| outcome.duration == SECOND));
    assert_eq!(pool.seen().returned.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_given_up_after_some_checks_and_after_some_time() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    once(20, &pool).await;
    assert_eq!(gets_and_checks(&pool), (3, 20), "eight at the most");
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND * 16));
    once(6, &pool).await;
    assert_eq!(gets_and_checks(&pool), (3, 6), "none begins after half a minute");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_given_up_when_others_wait_for_the_router() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    pool.seen().waiting.store(1, Ordering::SeqCst);
    once(8, &pool).await;
    assert_eq!(gets_and_checks(&pool), (8, 8));
}

#[tokio::test(start_paused = true)]
async fn no_check_follows_on_a_session_that_was_cut_short_or_gave_no_figures() {
    let ways = [Behaviour::HangsInCommand, Behaviour::AnswersOther, Behaviour::PanicsInCommand];
    for way in ways {
        let pool = FakePool::new(move |number| match number {
            1 => way,
            _ => Behaviour::Answers(SECOND),
        });
        let outcomes = once(4, &pool).await;
        assert_eq!(gets_and_checks(&pool), (2, 4), "{way:?}");
        assert_eq!(pool.seen().reused_broken.load(Ordering::SeqCst), 0);
        let failed = |outcome: &&Outcome| matches!(outcome.result, CheckResult::Failed(_));
        assert_eq!(outcomes.iter().filter(failed).count(), 1, "{way:?}");
        let discarded = pool.seen().returned.all()[0].1;
        assert_ne!(discarded, pool_core::Disposition::Reuse, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_does_not_outlive_the_settings_it_was_got_with() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND * 4));
    let (house, outcomes, shutdown) = house(FakePools::one(&pool), 64);
    // All in one place, so that some always wait.
    let mut before = inventory(60);
    before.routers[0].connection.max_connections = 1;
    let scheduler = house.start(before.clone());
    let collected = tokio::spawn(collect(outcomes));
    tokio::time::sleep(SECOND * 61).await;
    let (gets, checks) = gets_and_checks(&pool);
    assert!(gets < checks, "{gets} {checks}");
    let running_alone = pool.seen().returned.all().len();
    let mut after = before;
    after.routers[0].connection.credentials.username = "other".to_owned();
    scheduler.reconciler().reconcile(after).await.unwrap();
    tokio::time::sleep(SECOND * 4).await;
    assert_eq!(pool.seen().returned.all().len(), running_alone + 1, "it went back at once");
    shutdown.cancel();
    scheduler.join().await;
    collected.await.unwrap();
}
