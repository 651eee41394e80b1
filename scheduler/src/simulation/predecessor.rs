//! What the monitor that this one follows after did not see, did not do, or did wrong. Each as a
//! test by that name, with its number in the list of lessons.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::{collect, count, measured, overrun, run};
use crate::testing::{Behaviour, FakePool, FakePools, house, inventory, line, router};
use crate::{
    CheckResult, Confirmation, DropLimit, FailureKind, Interval, Inventory, Keeper, Outcome,
    SkipReason, Tasks, Verdict,
};

const MINUTE: Duration = Duration::from_secs(60);
const ANSWERS: Behaviour = Behaviour::Answers(Duration::from_secs(1));

/// Every outcome of a schedule whose inventory becomes another one after ten minutes.
async fn changed(old: Inventory, new: Inventory) -> Vec<Outcome> {
    let pools = ["edge-1", "edge-2"].map(|name| (name.to_owned(), FakePool::new(|_| ANSWERS)));
    let (house, outcomes, shutdown) = house(Arc::new(FakePools(pools.into())), 64);
    let scheduler = house.start(old);
    let collected = tokio::spawn(collect(outcomes));
    sleep(MINUTE * 10).await;
    scheduler.reconciler().reconcile(new).await.unwrap();
    sleep(MINUTE * 10).await;
    shutdown.cancel();
    scheduler.join().await;
    collected.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn lesson_16_failed_connects_full_pools_and_unknown_platforms_left_gaps() {
    for behaviour in [Behaviour::Refuses, Behaviour::NoSession, Behaviour::PanicsInGet] {
        let pool = FakePool::new(move |_| behaviour);
        // The account of `run` is that there is an outcome for every due time.
        let outcomes = run(&inventory(3), FakePools::one(&pool), MINUTE * 30).await;
        assert_eq!((outcomes.len(), count(&outcomes, measured)), (90, 0));
    }
    let mut unknown = inventory(3);
    unknown.routers[0].connection.platform = "acme_os".into();
    let pool = FakePool::new(|_| ANSWERS);
    let outcomes = run(&unknown, FakePools::one(&pool), MINUTE * 30).await;
    assert_eq!(outcomes.len(), 90);
    assert!(outcomes.iter().all(|outcome| outcome.legacy_status() == Some("ExecutionError")));
}

#[tokio::test(start_paused = true)]
async fn lesson_17_a_line_with_a_new_interval_never_ran_until_a_restart() {
    let mut faster = inventory(1);
    faster.lines[0].interval = Interval::new(Duration::from_secs(20)).unwrap();
    let outcomes = changed(inventory(1), faster).await;
    assert_eq!(outcomes.len(), 10 + 30);
}

#[tokio::test(start_paused = true)]
async fn lesson_17_a_line_that_was_deleted_and_made_again_was_ignored() {
    let pool = FakePool::new(|_| ANSWERS);
    let (house, outcomes, shutdown) = house(FakePools::one(&pool), 64);
    let scheduler = house.start(inventory(1));
    let collected = tokio::spawn(collect(outcomes));
    for inventory in [Inventory::default(), inventory(1)] {
        sleep(MINUTE * 10).await;
        scheduler.reconciler().reconcile(inventory).await.unwrap();
    }
    sleep(MINUTE * 10).await;
    shutdown.cancel();
    scheduler.join().await;
    assert_eq!(collected.await.unwrap().len(), 20, "in twenty of thirty minutes");
}

#[tokio::test(start_paused = true)]
async fn lesson_17_a_line_that_moved_to_another_router_was_not_moved() {
    let mut old = inventory(1);
    old.routers.push(router("edge-2"));
    let mut new = old.clone();
    new.lines[0].router = router("edge-2").name;
    let outcomes = changed(old, new).await;
    let from = |name| outcomes.iter().filter(|o| o.router.as_str() == name).count();
    assert_eq!((from("edge-1"), from("edge-2")), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn lesson_17_changed_credentials_were_never_applied() {
    let pool = FakePool::new(|_| ANSWERS);
    let pools = FakePools::one(&pool);
    let (house, outcomes, _shutdown) = house(pools, 64);
    let scheduler = house.start(inventory(1));
    let _collected = tokio::spawn(collect(outcomes));
    let mut new = inventory(1);
    new.routers[0].connection.credentials.username = "other".to_owned();
    scheduler.reconciler().reconcile(new).await.unwrap();
    assert_eq!(pool.seen().retired.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn lesson_18_an_empty_answer_deleted_everything() {
    let mut keeper = Keeper::new(DropLimit::default());
    keeper.add("zabbix", inventory(3));
    let verdict = keeper.offer(0, Ok(Inventory::default()), Confirmation::None);
    assert_eq!(verdict, Verdict::NewTrouble);
    assert_eq!(keeper.merged().inventory, inventory(3));
}

#[test]
fn lesson_19_an_interval_of_nothing_was_a_tick_each_nanosecond() {
    for seconds in [0, 9, 86_401] {
        let error = Interval::new(Duration::from_secs(seconds)).unwrap_err();
        assert_eq!(error.allowed, "10s to 24h");
    }
}

#[tokio::test(start_paused = true)]
async fn lesson_20_missed_rounds_piled_up_and_were_replayed_in_a_burst() {
    // Nothing ends for a while; afterwards everything is fast.
    let pool = FakePool::new(|number| match number {
        0..=19 => Behaviour::HangsInCommand,
        _ => Behaviour::Answers(Duration::ZERO),
    });
    let outcomes = run(&inventory(10), FakePools::one(&pool), MINUTE * 60).await;
    let late = outcomes.iter().filter_map(|outcome| {
        Some(outcome.started_at?.duration_since(outcome.scheduled_at).as_secs())
    });
    assert!(late.max() < Some(60), "what is begun is the latest round");
    assert!(count(&outcomes, overrun) > 0);
    assert_eq!(outcomes.len(), 600);
}

#[tokio::test(start_paused = true)]
async fn lesson_20_lines_of_one_interval_fired_together_and_a_full_interval_late() {
    let pool = FakePool::new(|_| ANSWERS);
    let outcomes = run(&inventory(60), FakePools::one(&pool), MINUTE).await;
    assert_eq!(outcomes.len(), 60, "each within its first interval");
    let mut seconds: Vec<_> = outcomes.iter().map(|o| o.scheduled_at.as_second()).collect();
    seconds.dedup();
    assert!(seconds.len() > 30, "spread over it: {}", seconds.len());
}

#[tokio::test(start_paused = true)]
async fn lesson_21_dead_lines_starved_their_router_unseen() {
    // 200 lines that take ten seconds each, through two sessions, every three minutes.
    let mut inventory = inventory(200);
    for line in &mut inventory.lines {
        line.interval = Interval::DEFAULT;
    }
    let pool = FakePool::new(|_| Behaviour::Answers(Duration::from_secs(10)));
    let outcomes = run(&inventory, FakePools::one(&pool), MINUTE * 60).await;
    assert_eq!(outcomes.len(), 200 * 20);
    let short = outcomes.iter().filter(|outcome| outcome.router_status.is_short).count();
    assert!(short > outcomes.len() * 8 / 10, "it is known after the first rounds: {short}");
    let fair = 720 / 200;
    for line in &inventory.lines {
        let own: Vec<_> = outcomes.iter().filter(|outcome| outcome.line == line.id).collect();
        let seen = own.iter().filter(|outcome| measured(&outcome.result)).count();
        assert!(seen >= fair - 1, "{} was measured {seen} times of {fair}", line.id);
        assert!(
            own.iter().all(|o| measured(&o.result) || matches!(o.result, CheckResult::Skipped(_)))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn lesson_21_dead_lines_starved_their_router_and_do_not_with_a_first_look() {
    let mut inventory = inventory(200);
    for line in &mut inventory.lines {
        line.interval = Interval::DEFAULT;
    }
    for first_look in [false, true] {
        inventory.routers[0].rules.first_look = first_look;
        let pool = FakePool::new(|_| Behaviour::Silent);
        let outcomes = run(&inventory, FakePools::one(&pool), MINUTE * 60 * 4).await;
        // In the last two hours every line is known to be down.
        let last = &outcomes[outcomes.len() / 2..];
        let skipped = count(last, overrun);
        assert_eq!(last.last().unwrap().router_status.is_short, !first_look);
        if first_look {
            assert_eq!(skipped, 0, "all of them fit");
            let dead = |result: &CheckResult| match result {
                CheckResult::Measured(figures) => figures.ping().unwrap().received == 0,
                _ => false,
            };
            assert!(count(last, dead) >= last.len() - 2, "but for those in flight at the end");
        } else {
            assert!(skipped > last.len() * 7 / 10, "{skipped} of {}", last.len());
        }
    }
}

#[test]
fn lesson_23_a_protocol_was_accepted_and_its_lines_never_pinged() {
    let inventory = Inventory { routers: vec![router("edge-1")], lines: vec![line("L", "edge-1")] };
    let problems = inventory.validate(&Tasks::builtin(), &[]).unwrap_err();
    assert!(problems[0].to_string().starts_with("router edge-1: protocol is scrapli"));
}

#[tokio::test(start_paused = true)]
async fn lesson_23_a_shutdown_sent_false_errors_for_pings_in_flight() {
    let pool = FakePool::new(|_| Behaviour::HangsInCommand);
    let outcomes = run(&inventory(10), FakePools::one(&pool), Duration::from_secs(30)).await;
    let false_errors = count(&outcomes, |result| {
        matches!(result, CheckResult::Failed(failure)
            if failure.kind == FailureKind::Session(pool_core::ErrorKind::Cancelled))
    });
    assert_eq!(false_errors, 0);
    let stopped = |result: &CheckResult| *result == CheckResult::Skipped(SkipReason::ShuttingDown);
    assert!(count(&outcomes, stopped) >= 2);
    let told = outcomes.iter().filter(|o| stopped(&o.result) && o.legacy_status().is_some());
    assert_eq!(told.count(), 0);
}
