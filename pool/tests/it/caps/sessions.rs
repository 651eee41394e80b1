//! The limit on sessions, over all routers and on one device.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use pool::{FleetLimits, Pool};
use pool_core::{ConnectionPool, ErrorKind, Protocol};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_thousand_routers_never_have_more_sessions_than_allowed_and_all_are_served() {
    let site = Arc::new(Site::healthy(1000, sessions(50)));
    for device in &site.network.devices {
        device.set_login(Act::After(Duration::from_millis(20)));
        device.set_farewell(Act::After(Duration::from_millis(20)));
    }
    let mut checks = JoinSet::new();
    for number in (0..1000).chain(0..1000) {
        let site = site.clone();
        checks.spawn(async move {
            let mut lease = site.get(number).await;
            sleep(Duration::from_millis(u64::try_from(number % 7).unwrap())).await;
            use_once(&mut lease).await.unwrap();
        });
    }
    while let Some(check) = checks.join_next().await {
        check.unwrap();
        assert!(site.live() <= 50, "{} sessions", site.live());
    }
    assert_eq!(site.network.live_max.load(SeqCst), 50, "all of them are used, and not one more");
    site.fleet.close(&long()).await;
    assert_eq!(site.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_session_elsewhere_makes_room() {
    let site = Site::healthy(4, sessions(3));
    for number in [1, 0, 2] {
        drop(site.get(number).await);
        sleep(Duration::from_secs(1)).await;
    }
    let held = site.get(3).await;
    let live: Vec<_> = (0..4).map(|number| site.device(number).live()).collect();
    assert_eq!(live, [1, 0, 1, 1], "the first to become idle had to go");
    assert_eq!(site.device(1).farewells(), 1, "in an orderly way");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_is_never_evicted_and_the_caller_is_told_why_it_waits() {
    let site = Site::healthy(3, sessions(2));
    let (mut first, _second) = (site.get(0).await, site.get(1).await);
    let third = site.pool(2);
    let error = third.get_with_context(&within_ms(500), Protocol::Ssh).await.unwrap_err();
    let cause = cause(&error);
    assert_eq!(
        cause,
        "the device is busy in phase acquire: the fleet's limit of 2 sessions over all routers is \
         reached"
    );
    use_once(&mut first).await.expect("it was left alone");
    let waiter = queued(&third).await;
    calm().await;
    assert_eq!(site.logins(), [0, 1]);
    drop(first);
    waiter.await.unwrap().expect("a session that comes back makes room");
    let stats = third.stats();
    assert_eq!((stats.create_failed_total, stats.created_total), (0, 1), "no fault of the device");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_for_a_caller_that_gave_up() {
    let site = Site::healthy(3, sessions(2));
    let (first, _second) = (site.get(0).await, site.get(1).await);
    let gone = queued(&site.pool(2)).await;
    calm().await;
    gone.abort();
    drop(gone.await);
    drop(first);
    calm().await;
    assert_eq!((site.device(0).live(), site.device(0).farewells()), (1, 0));
    assert_eq!(site.pool(2).stats().creating, 0, "the attempt was withdrawn");
    drop(site.get(2).await);
}

#[tokio::test(start_paused = true)]
async fn no_session_is_made_for_a_caller_that_gave_up() {
    let site = Site::healthy(2, sessions(1));
    let mut held = site.get(0).await;
    let gone = queued(&site.pool(1)).await;
    calm().await;
    gone.abort();
    drop(gone.await);
    held.discard();
    drop(held);
    calm().await;
    assert_eq!((site.live(), site.device(1).logins(), site.pool(1).stats().creating), (0, 0, 0));
    drop(site.get(1).await);
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_evicts_one_session_and_not_more() {
    let site = Site::healthy(5, sessions(4));
    for number in 0..4 {
        site.device(number).set_farewell(Act::After(Duration::from_secs(1)));
        drop(site.get(number).await);
    }
    let waiter = queued(&site.pool(4)).await;
    calm().await;
    drop([site.get(1).await, site.get(2).await, site.get(3).await]);
    waiter.await.unwrap().unwrap();
    assert_eq!(site.network.devices.iter().map(|d| d.farewells()).sum::<u64>(), 1);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_nobody_waits_for_are_not_made_at_the_cost_of_others() {
    let site = Site::healthy(2, sessions(1));
    drop(site.get(0).await);
    let report = site.pool(1).warm_up(&long(), Protocol::Ssh, 1).await.unwrap();
    assert_eq!((report.ready, report.failures[0].kind()), (0, ErrorKind::Busy));
    assert_eq!((site.device(0).live(), site.device(1).logins()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn routers_take_turns_for_sessions() {
    let site = Site::healthy(11, sessions(1));
    let held = site.get(10).await;
    let mut wide = Site::config(0);
    wide.max_connections = 100;
    let greedy = site.fleet.pool("router-0", &wide).unwrap();
    let mut checks = JoinSet::new();
    let check = |pool: Arc<Pool>| async move { get(&pool).await.unwrap().discard() };
    (0..100).for_each(|_| drop(checks.spawn(check(greedy.clone()))));
    until(|| greedy.stats().waiting == 100).await;
    (1..10).for_each(|number| drop(checks.spawn(check(site.pool(number)))));
    calm().await;
    drop(held);
    while let Some(check) = checks.join_next().await {
        check.unwrap();
    }
    let logins = site.logins();
    assert_eq!(logins[..12], [10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], "one round, and then the rest");
    assert_eq!(logins.len(), 110);
}

#[tokio::test(start_paused = true)]
async fn the_pools_before_and_after_a_change_keep_to_the_devices_sessions_together() {
    let site = Site::healthy(1, FleetLimits::default());
    let old = site.pool(0);
    let (first, second) = (get(&old).await.unwrap(), get(&old).await.unwrap());
    let mut changed = Site::config(0);
    changed.read_timeout = Duration::from_secs(7);
    let new = site.fleet.pool("router-0", &changed).unwrap();
    let report = new.warm_up(&long(), Protocol::Ssh, 1).await.unwrap();
    assert_eq!(report.failures[0].kind(), ErrorKind::Busy, "told at once");
    let error = new.get_with_context(&within_ms(300), Protocol::Ssh).await.unwrap_err();
    let cause = cause(&error);
    assert!(cause.contains("all 2 sessions of the device are taken"), "{cause}");
    let waiters = all_queued(&new, 2).await;
    calm().await;
    assert_eq!(site.device(0).live(), 2);
    drop(first);
    drop(second);
    for waiter in waiters {
        drop(waiter.await.unwrap().unwrap());
    }
    assert_eq!((site.device(0).live_max(), new.stats().create_failed_total), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_leaves_and_comes_back_keeps_to_the_devices_sessions() {
    let site = Site::healthy(1, FleetLimits::default());
    site.device(0).set_farewell(Act::After(Duration::from_secs(1)));
    drop([site.get(0).await, site.get(0).await]);
    site.fleet.retire("router-0");
    let before = Instant::now();
    let lease = site.get(0).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1), "until the old sessions were closed");
    assert_eq!(site.device(0).live_max(), 2);
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_taken_out_of_its_pool_counts_until_it_is_gone() {
    let site = Site::healthy(2, sessions(1));
    let taken = site.get(0).await.into_driver();
    let waiter = queued(&site.pool(1)).await;
    calm().await;
    assert_eq!((site.live(), site.device(1).logins()), (1, 0));
    drop(taken);
    waiter.await.unwrap().expect("the seat is free with the session");
}
