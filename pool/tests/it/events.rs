//! What listeners are told beside the life of each session.

use std::time::Duration;

use pool_core::{
    ConnectionPool, DiscardReason, ErrorKind, EventStream, Phase, PoolEvent, Protocol,
};
use tokio::time::sleep;

use crate::support::*;

/// The next event that `wanted` makes something of.
async fn heard<T>(events: &mut EventStream, wanted: impl Fn(PoolEvent) -> Option<T>) -> T {
    loop {
        let event = events.next().await.expect("the pool is there");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_shuts_and_opens_is_told_with_cause_and_next_try() {
    let device = Device::logging_in(Act::Err(wrong_password()));
    let pool = pool(&device, 1);
    let mut events = pool.events();
    get(&pool).await.unwrap_err();
    let next_try = heard(&mut events, |event| match event {
        PoolEvent::GateShut { protocol: Protocol::Ssh, attempts: 1, next_try, error } => {
            assert_eq!(error.kind(), ErrorKind::Authentication);
            Some(next_try)
        }
        _ => None,
    })
    .await;
    let gate = pool.gate(Protocol::Ssh).expect("it is shut");
    assert_eq!((gate.next_try, gate.shut_for), (next_try, Some(Duration::ZERO)));
    let error = get(&pool).await.unwrap_err().to_string();
    assert!(error.contains("in phase authentication; next try in"), "{error}");
    device.set_login(Act::Ok);
    sleep(next_try).await;
    get(&pool).await.unwrap();
    let opened = |event| matches!(event, PoolEvent::GateOpened { .. }).then_some(());
    heard(&mut events, opened).await;
    assert!(pool.gate(Protocol::Ssh).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_test_is_told_with_how_long_it_took_and_why_it_failed() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let slot = get(&pool).await.unwrap().slot();
    let mut events = pool.events();
    device.set_health(Act::Hang(Phase::HealthCheck));
    sleep(Duration::from_secs(60)).await;
    get(&pool).await.unwrap();
    let (tested, took, error) = heard(&mut events, |event| match event {
        PoolEvent::HealthChecked { slot, took, error } => Some((slot, took, error)),
        _ => None,
    })
    .await;
    assert_eq!((tested, took), (slot, Duration::from_secs(5)));
    assert_eq!(error.expect("it failed").kind(), ErrorKind::DeadlineExceeded);
    let reason = heard(&mut events, |event| match event {
        PoolEvent::Discarded { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DiscardReason::Unhealthy);
    assert_eq!(pool.stats().health_failed_total, 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_warm_up_is_told() {
    let device = Device::healthy();
    device.next_logins([Act::Ok, Act::Err(refused())]);
    let pool = pool(&device, 2);
    let mut events = pool.events();
    pool.warm_up(&long(), Protocol::Ssh, 2).await.unwrap();
    let told = heard(&mut events, |event| match event {
        PoolEvent::WarmedUp { ready, failed, .. } => Some((ready, failed)),
        _ => None,
    });
    assert_eq!(told.await, (1, 1));
}
