//! How long sessions live, and how many are made.

use std::time::Duration;

use futures_util::future::join_all;
use pool_core::{ConnectionPool, ErrorKind, Phase, Protocol};
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn only_idle_sessions_expire_and_the_minimum_stays() {
    let device = Device::healthy();
    let mut config = config(4);
    config.min_connections = 2;
    let pool = pool_with(&device, config);
    let leases = [(); 4].map(|()| get(&pool));
    let mut leases: Vec<_> = join_all(leases).await.into_iter().map(Result::unwrap).collect();
    let held = leases.pop().unwrap();
    drop(leases);
    for _ in 0..20 {
        sleep(Duration::from_secs(30)).await;
        pool.sweep();
        tokio::task::yield_now().await;
    }
    until(|| pool.stats().closing == 0 && pool.stats().checking == 0).await;
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.idle, device.live()), (1, 1, 2));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_grows_old_in_use_is_closed_on_its_return_and_not_before() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let mut lease = get(&pool).await.unwrap();
    let slot = lease.slot();
    for _ in 0..80 {
        sleep(Duration::from_secs(30)).await;
        pool.sweep();
        use_once(&mut lease).await.unwrap();
    }
    assert_eq!((device.live(), device.farewells()), (1, 0));
    drop(lease);
    let next = get(&pool).await.unwrap();
    assert_ne!(next.slot(), slot);
    assert_eq!((device.live(), device.farewells()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn bursts_of_callers_make_few_sessions_and_none_after_the_demand_is_gone() {
    let device = Device::logging_in(Act::After(Duration::from_millis(250)));
    let pool = pool(&device, 10);
    for _ in 0..20 {
        join_all((0..50).map(|_| async { drop(get(&pool).await.unwrap()) })).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(device.logins(), 10, "as many as fit, once");
    // Three callers that leave at once: their logins are kept, and no other is begun.
    let idle = (0..10).map(|_| get(&pool));
    let held = join_all(idle).await;
    pool.evict_all();
    drop(held);
    until(|| device.live() == 0).await;
    let ctx = within_ms(50);
    let impatient = (0..3).map(|_| pool.get_with_context(&ctx, Protocol::Ssh));
    for result in join_all(impatient).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    }
    sleep(Duration::from_secs(5)).await;
    assert_eq!((device.logins(), pool.stats().idle), (13, 3));
}

#[tokio::test(start_paused = true)]
async fn a_saturated_pool_recovers_when_load_is_capacity() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    // Each use takes 20 ms, and one comes every 10 ms; twenty come at once on top of that.
    device.set_command(Act::After(Duration::from_millis(20)));
    let one = |start: Duration| {
        let pool = pool.clone();
        async move {
            sleep(start).await;
            let mut lease = get(&pool).await.unwrap();
            let waited = lease.info().waited;
            use_once(&mut lease).await.unwrap();
            waited
        }
    };
    let surge = (0..20).map(|_| one(Duration::ZERO));
    let steady = (1..200).map(|n| one(Duration::from_millis(10 * n)));
    let waits = join_all(surge.chain(steady).map(tokio::spawn)).await;
    let waits: Vec<_> = waits.into_iter().map(Result::unwrap).collect();
    let longest = waits.iter().max().unwrap();
    assert!(*longest <= Duration::from_millis(230), "no caller is starved: {longest:?}");
    assert_eq!((pool.stats().waiting, device.logins()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn when_the_first_ones_login_fails_the_second_waiter_is_served_all_the_same() {
    let device = Device::healthy();
    device.next_logins([Act::Err(refused())]);
    let pool = pool(&device, 1);
    let (first, second) = (queued(&pool).await, queued(&pool).await);
    let before = Instant::now();
    drop(first.await.unwrap().unwrap());
    drop(second.await.unwrap().unwrap());
    assert!(before.elapsed() <= Duration::from_millis(125), "one pause: {:?}", before.elapsed());
    assert_eq!(device.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_first_fill_that_fails_is_reported_with_its_cause() {
    for (act, kind, phase) in [
        (Act::Err(wrong_password()), ErrorKind::Authentication, Phase::Authentication),
        (Act::Hang(Phase::Prompt), ErrorKind::DeadlineExceeded, Phase::Prompt),
        (Act::Panic, ErrorKind::Local, Phase::Connect),
    ] {
        let pool = pool(&Device::logging_in(act), 2);
        let report = pool.warm_up(&long(), Protocol::Ssh, 2).await.unwrap();
        assert_eq!((report.ready, report.failures.len()), (0, 2));
        for error in report.failures {
            assert_eq!((error.kind(), error.phase()), (kind, Some(phase)));
        }
        let gate = pool.gate(Protocol::Ssh).expect("it fails");
        assert_eq!((gate.error.kind(), gate.failed_ago), (kind, Duration::ZERO));
    }
}
