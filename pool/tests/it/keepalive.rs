//! Tests of sessions that nobody wants at the moment, by the sweeper; and leases that do not come
//! back.

use std::time::Duration;

use pool_core::{ConnectionPool, PoolEvent, Protocol};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// Beyond the time after which every idle session is tested, with its own jitter.
const LONG: Duration = Duration::from_secs(151);

#[tokio::test(start_paused = true)]
async fn a_session_that_is_lost_while_it_is_idle_is_replaced_before_anybody_gets_it() {
    let device = Device::healthy();
    let mut config = config(2);
    config.min_connections = 1;
    let pool = pool_with(&device, config);
    let lost_slot = get(&pool).await.unwrap().slot();
    sleep(LONG).await;
    device.set_health(Act::Err(lost()));
    pool.sweep();
    until(|| pool.stats().created_total == 2 && pool.stats().idle == 1).await;
    assert_eq!(pool.stats().health_failed_total, 1);
    let lease = get(&pool).await.unwrap();
    assert_ne!(lease.slot(), lost_slot);
    assert_eq!(lease.info().waited, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_idle_test_that_hangs_is_bounded_and_delays_nobody() {
    let device = Device::healthy();
    device.set_health(Act::Hang(pool_core::Phase::HealthCheck));
    let pool = pool(&device, 3);
    drop([get(&pool).await.unwrap(), get(&pool).await.unwrap()]);
    sleep(LONG).await;
    pool.sweep();
    assert_eq!(pool.stats().checking, 1, "half of two");
    let before = Instant::now();
    device.set_health(Act::Ok);
    let leases = [get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    assert_eq!(before.elapsed(), Duration::ZERO, "one that was idle, and one that is new");
    sleep(Duration::from_secs(5)).await;
    until(|| pool.stats().closing == 0).await;
    assert_eq!((pool.stats().checking, device.live()), (0, 2), "health_check_timeout, and closed");
    drop(leases);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_idle_test_costs_the_session_only() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    drop(get(&pool).await.unwrap());
    sleep(LONG).await;
    device.set_health(Act::Panic);
    pool.sweep();
    until(|| pool.stats().closed_total == 1).await;
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_does_not_come_back_is_reported_with_the_line_that_took_it() {
    let pool = pool(&Device::healthy(), 2);
    let ctx = long();
    let mut events = pool.events();
    let line = line!() + 1;
    let at_once = pool.acquire(&ctx, Protocol::Ssh).await.unwrap();
    let through_the_trait = get(&pool).await.unwrap();
    sleep(Duration::from_secs(601)).await;
    pool.sweep();
    pool.sweep();
    let mut reports = Vec::new();
    drop(pool);
    drop((at_once, through_the_trait));
    while let Some(event) = events.next().await {
        if let PoolEvent::LeakSuspected { held, taken_at, .. } = event {
            assert_eq!(held, Duration::from_secs(601));
            reports.push(taken_at.map(|at| (at.file().ends_with("keepalive.rs"), at.line())));
        }
    }
    assert_eq!(reports, [Some((true, line)), None], "each once");
}

#[tokio::test(start_paused = true)]
async fn the_place_is_known_of_a_lease_that_was_waited_for_too() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    drop(get(&pool).await.unwrap());
    let held = get(&pool).await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(&long(), Protocol::Ssh).await }
    });
    until(|| pool.stats().waiting == 1).await;
    drop(held);
    let _leaked = waiter.await.unwrap().unwrap();
    let mut events = pool.events();
    sleep(Duration::from_secs(601)).await;
    pool.sweep();
    let Some(PoolEvent::LeakSuspected { taken_at, .. }) = events.next().await else {
        panic!("it is reported")
    };
    assert!(taken_at.is_some());
}
