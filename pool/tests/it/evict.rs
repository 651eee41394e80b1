//! Sessions that are closed, kept or allowed because somebody says so.

use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionPool, Context, DiscardReason, ErrorKind, Lease, PoolEvent, Protocol};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn an_evicted_session_is_closed_now_if_it_is_idle_and_on_its_return_if_it_is_in_use() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    let (idle, held) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
    let idle_slot = idle.slot();
    drop(idle);
    assert!(pool.evict(idle_slot));
    until(|| device.live() == 1).await;
    assert!(!pool.evict(idle_slot), "it is gone");
    let mut events = pool.events();
    let held_slot = held.slot();
    assert!(pool.evict(held_slot));
    assert_eq!(pool.stats().in_use, 1, "whoever has it may finish");
    drop(held);
    loop {
        if let PoolEvent::Discarded { slot, reason } = events.next().await.unwrap() {
            assert_eq!((slot, reason), (held_slot, DiscardReason::Evicted));
            break;
        }
    }
    until(|| device.live() == 0).await;
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn evicting_all_makes_the_minimum_anew() {
    let device = Device::healthy();
    let mut config = config(4);
    config.min_connections = 2;
    let pool = pool_with(&device, config);
    let leases = [get(&pool).await.unwrap(), get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    let old = leases.each_ref().map(Lease::slot);
    let [first, second, held] = leases;
    drop((first, second));
    assert_eq!(pool.evict_all(), 3);
    drop(held);
    until(|| pool.stats().idle == 2 && pool.stats().closing == 0).await;
    assert_eq!((device.live(), device.farewells()), (2, 3));
    assert!(!old.contains(&get(&pool).await.unwrap().slot()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_gets_amid_evictions_never_time_out() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    let user = tokio::spawn({
        let pool = pool.clone();
        async move {
            let ctx = Context::detached(Duration::from_secs(60));
            for _ in 0..10_000 {
                let lease = pool.acquire(&ctx, Protocol::Ssh).await.unwrap();
                let slot = lease.slot();
                drop(lease);
                pool.evict(slot);
            }
        }
    });
    while !user.is_finished() {
        pool.evict_all();
        tokio::task::yield_now().await;
    }
    user.await.unwrap();
    assert!(device.live_max() <= 2);
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_shrinks_while_all_is_lent_and_grows_again_uses_what_it_has() {
    let device = Device::healthy();
    let pool = pool(&device, 3);
    let leases = [get(&pool).await.unwrap(), get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    pool.resize(1).unwrap();
    assert_eq!((pool.stats().max_connections, pool.stats().in_use), (1, 3));
    pool.resize(3).unwrap();
    drop(leases);
    assert_eq!(pool.stats().idle, 3, "none was closed");
    assert_full_capacity(&pool).await;
    assert_eq!(device.logins(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_shrunken_pool_closes_what_is_too_much_as_it_comes_back_and_never_underflows() {
    let device = Device::healthy();
    let pool = pool(&device, 4);
    let leases = [get(&pool).await.unwrap(), get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    for max in [1, 4, 1, 2, 1] {
        pool.resize(max).unwrap();
    }
    let waiter = queued(&pool).await;
    drop(leases);
    drop(waiter.await.unwrap().unwrap());
    until(|| pool.stats().closing == 0).await;
    assert_eq!((device.live(), pool.stats().idle), (1, 1));
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn shrinking_an_empty_pool_really_limits_it_and_growing_serves_those_who_wait() {
    let device = Device::healthy();
    let pool = pool(&device, 10);
    pool.resize(2).unwrap();
    let _held = [get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    let waiter = queued(&pool).await;
    assert_eq!(device.live_max(), 2);
    pool.resize(3).unwrap();
    let _third = waiter.await.unwrap().unwrap();
    assert_eq!(device.live_max(), 3);
    assert_eq!(pool.resize(0).unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(pool.config().max_connections, 3, "as it was resized last");
}

#[tokio::test(start_paused = true)]
async fn a_shrunken_pool_closes_idle_sessions_at_once_and_late_ones_when_they_are_made() {
    let device = Device::healthy();
    let pool = pool(&device, 3);
    drop([get(&pool).await.unwrap(), get(&pool).await.unwrap()]);
    device.set_login(Act::After(Duration::from_secs(1)));
    let warm_up = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.warm_up(&long(), Protocol::Ssh, 3).await }
    });
    until(|| device.logins() == 3).await;
    pool.resize(1).unwrap();
    until(|| pool.stats().idle == 0).await;
    warm_up.await.unwrap().unwrap();
    until(|| pool.stats().closing == 0).await;
    assert_eq!((device.live(), pool.stats().idle), (1, 1), "the late one is the one it may have");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_shrinks_during_logins_keeps_as_many_as_it_may_have() {
    let device = Device::logging_in(Act::After(Duration::from_secs(1)));
    let pool = pool(&device, 3);
    let ctx = long();
    let warm_up = pool.warm_up(&ctx, Protocol::Ssh, 3);
    let shrink = async {
        until(|| device.logins() == 3).await;
        pool.resize(1).unwrap();
    };
    let (report, ()) = tokio::join!(warm_up, shrink);
    assert_eq!(report.unwrap().failures.len(), 0);
    until(|| pool.stats().closing == 0).await;
    assert_eq!((device.live(), pool.stats().idle), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_keeps_a_session_frees_its_slot_and_does_not_close_it() {
    let device = Device::healthy();
    let mut config = config(1);
    config.min_connections = 1;
    let pool = pool_with(&device, config);
    let lease = get(&pool).await.unwrap();
    let waiter = queued(&pool).await;
    let driver = lease.into_driver();
    drop(waiter.await.unwrap().unwrap());
    assert_eq!((device.live(), device.farewells()), (2, 0), "it is its keeper's now");
    let stats = pool.stats();
    assert_eq!((stats.taken_total, stats.created_total, stats.closed_total), (1, 2, 0));
    driver.close(&long()).await.unwrap();
    get(&pool).await.unwrap().into_driver();
    pool.sweep();
    until(|| pool.stats().idle == 1).await;
}
