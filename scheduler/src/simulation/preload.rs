//! Sessions that are made before a check needs them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{collect, count, measured, run};
use crate::Inventory;
use crate::testing::{Behaviour, FakePool, FakePools, house, inventory, line, router};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn hundreds_of_routers_are_preloaded_one_after_another_and_none_waits_for_a_sick_one() {
    let mut inventory = Inventory::default();
    let mut pools = HashMap::new();
    for number in 0..200_usize {
        let name = format!("edge-{number}");
        inventory.routers.push(router(&name));
        inventory.lines.push(line(&format!("L{number}"), &name));
        let sick = [Behaviour::NoSession, Behaviour::IgnoresDeadline, Behaviour::PanicsInGet];
        let behaviour = match number % 10 {
            0..3 => sick[number % 10],
            _ => Behaviour::Answers(SECOND),
        };
        pools.insert(name, FakePool::new(move |_| behaviour));
    }
    let pools = Arc::new(FakePools(pools));
    let began = Instant::now();
    let outcomes = run(&inventory, pools.clone(), SECOND * 60 * 5).await;
    let seen = pools.0.values().map(|pool| pool.seen().warmed_at.lock().clone());
    let seen: Vec<_> = seen.collect();
    assert!(seen.iter().all(|times| times.len() == 1), "each once");
    let mut at: Vec<_> = seen.iter().map(|times| (times[0] - began).as_millis()).collect();
    at.sort_unstable();
    // Tokio's timers have a resolution of a millisecond.
    let expected = (0..200).map(|nth| nth * 50);
    assert!(at.iter().zip(expected).all(|(at, turn)| (turn..=turn + 1).contains(at)), "{at:?}");
    assert!(count(&outcomes, measured) >= 140 * 5 - 3, "healthy lines are measured from the start");
    assert_eq!(outcomes.len(), 200 * 5, "a preload is no outcome");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_preloaded_again_for_other_settings_and_not_where_none_are_to_be_kept() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let warmed = || pool.seen().warmed_at.lock().len();
    let (house, outcomes, _shutdown) = house(FakePools::one(&pool), 64);
    let mut inventory = inventory(2);
    inventory.routers[0].connection.min_connections = 0;
    let scheduler = house.start(inventory.clone());
    let _collected = tokio::spawn(collect(outcomes));
    sleep(SECOND * 5).await;
    assert_eq!(warmed(), 0);
    inventory.routers[0].connection.min_connections = 1;
    let reconciler = scheduler.reconciler();
    for (warm_ups, rate) in [(1, None), (1, Some(60))] {
        inventory.routers[0].rules.per_minute_max = rate;
        reconciler.reconcile(inventory.clone()).await.unwrap();
        sleep(SECOND).await;
        assert_eq!(warmed(), warm_ups, "rules are nothing to a session");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preload_does_not_outlive_its_router() {
    let pool = FakePool::new(|_| Behaviour::IgnoresDeadline);
    let (house, outcomes, _shutdown) = house(FakePools::one(&pool), 64);
    let scheduler = house.start(inventory(1));
    let _collected = tokio::spawn(collect(outcomes));
    sleep(SECOND / 10).await;
    assert_eq!(pool.seen().warming.load(Ordering::SeqCst), 1);
    scheduler.reconciler().reconcile(Inventory::default()).await.unwrap();
    sleep(SECOND / 100).await;
    assert_eq!(pool.seen().warming.load(Ordering::SeqCst), 0);
}
