//! The limits on logins: how many at once, and how many in a second.

use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionPool, ErrorKind, Phase, Protocol};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_storm_over_a_hundred_routers_keeps_to_the_logins_in_flight() {
    let site = Arc::new(Site::healthy(100, in_flight(4)));
    for device in &site.network.devices {
        device.set_login(Act::After(Duration::from_secs(1)));
    }
    let before = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let pool = site.pool(number);
        callers.spawn(async move { get(&pool).await.unwrap() });
    }
    while let Some(lease) = callers.join_next().await {
        drop(lease.unwrap());
    }
    assert_eq!(before.elapsed(), Duration::from_secs(25), "100 logins of a second, 4 at once");
    let begun: Vec<_> = site.network.logins.lock().iter().map(|(_, at)| *at).collect();
    assert!(begun.windows(5).all(|five| five[4] - five[0] >= Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn one_router_under_a_storm_of_a_hundred_callers_logs_in_as_often_as_it_has_room() {
    let site = Site::healthy(1, in_flight(1));
    site.device(0).set_login(Act::After(Duration::from_secs(1)));
    let pool = site.pool(0);
    let callers = all_queued(&pool, 100).await;
    calm().await;
    let under_way = (pool.stats().creating, site.device(0).live());
    assert_eq!(under_way, (2, 1), "one logs in, and one waits for its turn");
    for caller in callers {
        drop(caller.await.unwrap().unwrap());
    }
    assert_eq!(site.device(0).logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_hangs_with_all_permits_delays_others_by_one_connect_timeout_at_most() {
    let site = Site::healthy(3, in_flight(2));
    site.device(0).set_login(Act::Hang(Phase::Banner));
    let hanging = all_queued(&site.pool(0), 50).await;
    calm().await;
    assert_eq!(site.device(0).live(), 2, "it has all permits");
    let before = Instant::now();
    let others = [queued(&site.pool(1)).await, queued(&site.pool(2)).await];
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(before.elapsed(), Site::config(0).connect_timeout);
    hanging.iter().for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_login_is_no_failure_of_the_router_and_takes_nothing_from_its_time() {
    let site = Site::healthy(2, in_flight(1));
    site.device(0).set_login(Act::After(Duration::from_secs(29)));
    site.device(1).set_login(Act::After(Duration::from_secs(29)));
    let slow = queued(&site.pool(0)).await;
    calm().await;
    let pool = site.pool(1);
    let error = pool.get_with_context(&within_ms(5000), Protocol::Ssh).await.unwrap_err();
    let cause = cause(&error);
    assert!(cause.ends_with("the fleet's limit of 1 logins at once over all routers is reached"));
    let lease = get(&pool).await.expect("it has its 30 seconds once it may begin");
    assert_eq!(lease.info().connect, Some(Duration::from_secs(29)));
    assert_eq!((pool.stats().create_failed_total, site.device(1).logins()), (0, 1));
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn logins_begin_no_faster_than_the_rate() {
    let site = Arc::new(Site::healthy(50, per_second(10)));
    let before = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..50 {
        let pool = site.pool(number);
        callers.spawn(async move { drop(get(&pool).await.unwrap()) });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(before.elapsed(), Duration::from_millis(4900));
    let begun: Vec<_> = site.network.logins.lock().iter().map(|(_, at)| *at).collect();
    let early = begun.windows(2).any(|two| two[1] - two[0] < Duration::from_millis(100));
    assert!(!early, "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn closing_the_fleet_ends_those_who_queue_for_a_login() {
    let site = Site::healthy(3, in_flight(1));
    site.device(0).set_login(Act::Hang(Phase::Banner));
    let mut callers = Vec::new();
    for number in 0..3 {
        callers.extend(all_queued(&site.pool(number), 2).await);
    }
    calm().await;
    let before = Instant::now();
    site.fleet.close(&long()).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }
    assert_eq!((site.live(), site.logins().as_slice()), (0, &[0][..]), "none began after that");
}

#[tokio::test(start_paused = true)]
async fn other_limits_take_effect_for_those_who_wait_and_cut_nobody() {
    let site = Site::healthy(12, in_flight(1));
    for device in &site.network.devices {
        device.set_login(Act::After(Duration::from_secs(1)));
    }
    let before = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..12 {
        let pool = site.pool(number);
        callers.spawn(async move { get(&pool).await.unwrap() });
    }
    calm().await;
    assert_eq!(site.fleet.load().logins_waiting, 11);
    site.fleet.set_limits(in_flight(6));
    calm().await;
    let load = site.fleet.load();
    assert_eq!((load.logins_in_flight, load.logins_waiting), (6, 6));
    // None is cut that has begun, but no more begin.
    site.fleet.set_limits(in_flight(2));
    while let Some(lease) = callers.join_next().await {
        drop(lease.unwrap());
    }
    // Six in the first second, and then two in each.
    assert_eq!(before.elapsed(), Duration::from_secs(4));
    assert_eq!(site.fleet.limits(), in_flight(2));
}
