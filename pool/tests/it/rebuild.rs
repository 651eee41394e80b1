//! Sessions that are replaced because they are old, much used, failing, or because somebody asks.

use std::sync::Arc;
use std::time::Duration;

use pool::{Pool, PoolOptions, RebuildStrategy};
use pool_core::{ConnectionPool, ErrorKind, Phase, Protocol, SlotId};
use tokio::time::{Instant, sleep};

use crate::support::*;

fn pool_of(device: &Arc<Device>, max: usize, options: PoolOptions) -> Arc<Pool> {
    Pool::with_options("edge-1", config(max), vec![factory(device)], options).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_used_all_the_time_is_replaced_when_it_is_old_and_nobody_waits_for_it() {
    let device = Device::logging_in(Act::After(Duration::from_secs(2)));
    let pool = pool_of(&device, 2, PoolOptions::default());
    drop(get(&pool).await.unwrap());
    let start = Instant::now();
    let mut waited = Duration::ZERO;
    while device.logins() == 1 || pool.stats().creating > 0 {
        let mut lease = get(&pool).await.unwrap();
        use_once(&mut lease).await.unwrap();
        waited += lease.info().waited;
        drop(lease);
        sleep(Duration::from_secs(20)).await;
        pool.sweep();
    }
    let minutes = start.elapsed().as_secs() / 60;
    assert!((22..=39).contains(&minutes), "{minutes}");
    assert_eq!(waited, Duration::ZERO, "the new one was made in the background");
    until(|| pool.stats().closing == 0).await;
    assert_eq!((device.live(), device.farewells(), pool.stats().rebuilt_total), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_requests_fail_is_replaced() {
    let device = Device::healthy();
    let mut options = PoolOptions::default();
    options.rebuild.strategy = RebuildStrategy::Error;
    let pool = pool_of(&device, 2, options);
    let mut lease = get(&pool).await.unwrap();
    let slot = lease.slot();
    sleep(Duration::from_secs(300)).await;
    device.set_command(Act::Err(rejected()));
    for _ in 0..3 {
        assert_eq!(use_once(&mut lease).await.unwrap_err().kind(), ErrorKind::Rejected);
    }
    device.set_command(Act::Ok);
    for _ in 0..7 {
        use_once(&mut lease).await.unwrap();
    }
    drop(lease);
    until(|| pool.stats().rebuilt_total == 1).await;
    assert_ne!(get(&pool).await.unwrap().slot(), slot);
}

#[tokio::test(start_paused = true)]
async fn on_demand_one_session_all_of_a_protocol_or_all_are_replaced() {
    let device = Device::healthy();
    let pool = pool_of(&device, 4, PoolOptions::default());
    let (first, second) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
    let (kept, old) = (first.slot(), second.slot());
    drop((first, second));
    assert!(pool.rebuild(old));
    assert!(!pool.rebuild(SlotId(u64::MAX)));
    until(|| pool.stats().rebuilt_total == 1).await;
    until(|| pool.stats().closing == 0).await;
    let held = [get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    let slots = held.each_ref().map(pool_core::Lease::slot);
    assert!(slots.contains(&kept) && !slots.contains(&old), "{slots:?}");
    drop(held);
    assert_eq!(pool.rebuild_all(), 2);
    until(|| pool.stats().rebuilt_total == 3).await;
    assert_eq!(pool.rebuild_protocol(Protocol::Ssh).unwrap(), 2);
    assert_eq!(
        pool.rebuild_protocol(Protocol::Scrapli).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    until(|| pool.stats().rebuilt_total == 5 && pool.stats().closing == 0).await;
    assert_eq!(device.live(), 2);
    assert!(device.live_max() <= 4, "one at a time");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_no_more_logins_keeps_the_sessions_it_has() {
    let device = Device::healthy();
    let pool = pool_of(&device, 2, PoolOptions::default());
    let mut lease = get(&pool).await.unwrap();
    device.set_login(Act::Hang(Phase::Banner));
    assert!(pool.rebuild(lease.slot()));
    for _ in 0..200 {
        sleep(Duration::from_secs(30)).await;
        pool.sweep();
        use_once(&mut lease).await.unwrap();
        drop(lease);
        lease = get(&pool).await.unwrap();
    }
    assert_eq!((device.farewells(), pool.stats().rebuilt_total), (0, 0));
    device.set_login(Act::Ok);
    sleep(Duration::from_secs(60)).await;
    pool.sweep();
    until(|| pool.stats().idle == 1).await;
    drop(lease);
    until(|| pool.stats().rebuilt_total == 1).await;
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let device = Device::healthy();
    let mut options = PoolOptions::default();
    options.rebuild.share_percent = 0;
    let error =
        Pool::with_options("edge-1", config(1), vec![factory(&device)], options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
}
