//! Closing, dropping, giving back from anywhere, and what is counted and told on the way.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use pool_core::{
    ConnectionPool, DiscardReason, ErrorKind, EventStream, Phase, PoolEvent, Protocol,
};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn close_wakes_waiters_with_closed_and_later_gets_fail() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let held = get(&pool).await.unwrap();
    let waiter = queued(&pool).await;
    pool.close(&within_ms(10)).await;
    assert_eq!(waiter.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(get(&pool).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(pool.stats().in_use, 1, "what is lent stays lent");
    drop(held);
    pool.close(&long()).await;
    assert_eq!((device.live(), device.farewells()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_all_and_closes_each_session_once() {
    let device = Device::healthy();
    device.set_farewell(Act::After(Duration::from_millis(100)));
    let pool = pool(&device, 3);
    let leases = [get(&pool).await.unwrap(), get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    let [first, second, third] = leases;
    drop(first);
    let before = Instant::now();
    let returns = async {
        sleep(Duration::from_secs(1)).await;
        drop(second);
        sleep(Duration::from_secs(1)).await;
        drop(third);
    };
    let ctx = long();
    tokio::join!(pool.close(&ctx), pool.close(&ctx), returns);
    assert_eq!(before.elapsed(), Duration::from_millis(2100));
    assert_eq!((device.live(), device.farewells()), (0, 3));
    pool.close(&ctx).await;
    let stats = pool.stats();
    assert_eq!((stats.created_total, stats.closed_total), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn close_ends_at_its_deadline_when_a_lease_does_not_come_back() {
    let pool = pool(&Device::healthy(), 1);
    let _held = get(&pool).await.unwrap();
    let before = Instant::now();
    pool.close(&within_ms(400)).await;
    assert_eq!(before.elapsed(), Duration::from_millis(400));
}

#[tokio::test(start_paused = true)]
async fn close_cuts_off_a_login_under_way() {
    let device = Device::logging_in(Act::Hang(Phase::KeyExchange));
    let pool = pool(&device, 2);
    let waiters = [queued(&pool).await, queued(&pool).await];
    let before = Instant::now();
    pool.close(&long()).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(device.live(), 0);
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_ends_while_the_pool_closes_is_discarded() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let mut caller = pin!(get(&pool));
    assert!(caller.as_mut().now_or_never().is_none(), "it waits");
    // The login's task has not run yet; when it does, it finds the device ready at once.
    pool.close(&long()).await;
    assert_eq!(caller.await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!((device.logins(), device.farewells(), device.live()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_pool_closes_every_session_as_seen_by_the_device() {
    let device = Device::healthy();
    let pool = pool(&device, 3);
    let (first, second) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
    drop(first);
    device.set_login(Act::Hang(Phase::Banner));
    let third = {
        let held = get(&pool).await.unwrap();
        let third = queued(&pool).await;
        drop(held);
        third
    };
    third.await.unwrap().unwrap();
    assert_eq!(device.live(), 3, "one idle, one lent, one logging in");
    drop(pool);
    until(|| device.live() == 1).await;
    drop(second);
    until(|| device.live() == 0).await;
    assert_eq!(device.farewells(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlives_its_pool() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let mut lease = get(&pool).await.unwrap();
    drop(pool);
    use_once(&mut lease).await.unwrap();
    drop(lease);
    until(|| device.live() == 0).await;
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn a_lease_can_be_given_back_outside_a_runtime() {
    let runtime = runtime();
    let device = Device::healthy();
    let (pool, good, bad) = runtime.block_on(async {
        let pool = pool(&device, 2);
        let (good, mut bad) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
        bad.discard();
        (pool, good, bad)
    });
    drop(good);
    drop(bad);
    let stats = pool.stats();
    assert_eq!((stats.idle, stats.closing), (1, 1));
    runtime.block_on(until(|| pool.stats().closing == 0));
    assert_eq!(device.farewells(), 1);
    drop(pool);
    runtime.block_on(until(|| device.live() == 0));
}

#[test]
fn a_lease_can_be_given_back_after_its_runtime_is_gone() {
    let runtime = runtime();
    let device = Device::healthy();
    let (pool, good, bad) = runtime.block_on(async {
        let pool = pool(&device, 2);
        let (good, mut bad) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
        bad.discard();
        (pool, good, bad)
    });
    drop(runtime);
    drop(good);
    drop(bad);
    let stats = pool.stats();
    assert_eq!((stats.idle, stats.closing, stats.closed_total), (1, 0, 1));
    drop(pool);
    assert_eq!(device.live(), 0, "cut without a farewell");
}

#[test]
fn a_runtime_that_shuts_down_during_logins_and_closings_leaves_no_slot_behind() {
    let first = runtime();
    let device = Device::logging_in(Act::Hang(Phase::Banner));
    device.set_farewell(Act::Hang(Phase::Close));
    device.next_logins([Act::Ok]);
    let pool = first.block_on(async {
        let pool = pool(&device, 3);
        let mut lease = get(&pool).await.unwrap();
        let waiters = [queued(&pool).await, queued(&pool).await];
        waiters.iter().for_each(tokio::task::JoinHandle::abort);
        lease.discard();
        drop(lease);
        tokio::task::yield_now().await;
        pool
    });
    let stats = pool.stats();
    assert_eq!((stats.creating, stats.closing), (2, 1));
    drop(first);
    let stats = pool.stats();
    assert_eq!((stats.creating, stats.closing, device.live()), (0, 0, 0));
    let error = runtime().block_on(get(&pool)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local, "its tasks have nowhere to run: {error}");
}

#[test]
fn a_pool_cannot_be_made_outside_a_runtime() {
    let device = Device::healthy();
    let error = pool::Pool::new("edge-1", config(1), vec![factory(&device)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
}

#[tokio::test]
async fn an_invalid_configuration_is_refused() {
    let device = Device::healthy();
    let twice = vec![factory(&device), factory(&device)];
    for (config, factories) in [(config(0), vec![factory(&device)]), (config(1), twice)] {
        let error = pool::Pool::new("edge-1", config, factories).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }
}

#[tokio::test(start_paused = true)]
async fn statistics_agree_with_history() {
    let device = Device::logging_in(Act::After(Duration::from_millis(100)));
    let pool = pool(&device, 1);
    pool.get_with_context(&within_ms(10), Protocol::Ssh).await.unwrap_err();
    let held = get(&pool).await.unwrap();
    pool.get_with_context(&within_ms(10), Protocol::Ssh).await.unwrap_err();
    let cancelled = queued(&pool).await;
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    drop(held);
    let mut lease = get(&pool).await.unwrap();
    lease.discard();
    drop(lease);
    device.set_login(Act::Err(wrong_password()));
    get(&pool).await.unwrap_err();
    pool.get_with_context(&long(), Protocol::Scrapli).await.unwrap_err();
    let stats = pool.stats();
    assert_eq!((stats.get_success_total, stats.reused_total), (2, 1));
    assert_eq!((stats.get_timeout_total, stats.get_canceled_total), (2, 1));
    assert_eq!((stats.get_failed_total, stats.create_failed_total), (2, 1));
    assert_eq!((stats.created_total, stats.discarded_total, stats.closed_total), (1, 1, 1));
}

async fn tell(events: &mut EventStream) -> String {
    match events.next().await.expect("the pool is there") {
        PoolEvent::Created { slot, protocol } => format!("created {slot} {protocol}"),
        PoolEvent::CreateFailed { error, .. } => format!("create failed: {}", error.kind()),
        PoolEvent::Acquired { slot, reused } => format!("acquired {slot} reused={reused}"),
        PoolEvent::Returned { slot } => format!("returned {slot}"),
        PoolEvent::Discarded { slot, reason } => format!("discarded {slot} {reason}"),
        PoolEvent::Closed { slot } => format!("closed {slot}"),
        PoolEvent::Missed(count) => format!("missed {count}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn events_tell_the_life_of_a_session_in_order() {
    let device = Device::healthy();
    device.next_logins([Act::Err(refused())]);
    let pool = pool(&device, 1);
    let mut events = pool.events();
    let first = get(&pool).await.unwrap();
    let slot = first.slot();
    drop(first);
    let mut second = get(&pool).await.unwrap();
    second.discard();
    drop(second);
    pool.close(&long()).await;
    let unwanted = DiscardReason::Unwanted;
    let expected = [
        "create failed: Connect".to_owned(),
        format!("created {slot} ssh"),
        format!("acquired {slot} reused=false"),
        format!("returned {slot}"),
        format!("acquired {slot} reused=true"),
        format!("discarded {slot} {unwanted}"),
        format!("closed {slot}"),
    ];
    for line in expected {
        assert_eq!(tell(&mut events).await, line);
    }
    drop(pool);
    assert!(events.next().await.is_none(), "the pool is gone");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_lags_learns_how_much_it_missed() {
    let pool = pool(&Device::healthy(), 1);
    let mut events = pool.events();
    for _ in 0..200 {
        drop(get(&pool).await.unwrap());
    }
    let Some(PoolEvent::Missed(missed)) = events.next().await else { panic!("it missed some") };
    let mut heard = 0;
    let rest = Arc::new(parking_lot::Mutex::new(pool));
    drop(rest);
    while events.next().await.is_some() {
        heard += 1;
    }
    // Created, 200 times acquired and returned, and at the end discarded and closed.
    assert_eq!(missed + heard, 1 + 400 + 2);
}
