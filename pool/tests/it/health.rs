//! Tests of sessions that were idle for long.

use std::time::Duration;

use pool_core::{ConnectionPool, ErrorKind, Phase, Protocol};
use tokio::time::{Instant, sleep};

use crate::support::*;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_session_that_was_idle_for_long_and_answers_is_lent() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    drop(get(&pool).await.unwrap());
    sleep(LONG).await;
    device.set_health(Act::After(Duration::from_millis(40)));
    let lease = get(&pool).await.unwrap();
    assert_eq!(lease.info().waited, Duration::from_millis(40));
    assert!(lease.info().reused);
    drop(lease);
    assert_eq!(get(&pool).await.unwrap().info().waited, Duration::ZERO, "not again so soon");
}

#[tokio::test(start_paused = true)]
async fn when_all_idle_sessions_fail_their_test_a_new_one_is_made_in_the_same_get() {
    for act in [Act::Err(lost()), Act::Panic, Act::Hang(Phase::HealthCheck)] {
        let device = Device::healthy();
        let pool = pool(&device, 3);
        drop([get(&pool).await.unwrap(), get(&pool).await.unwrap(), get(&pool).await.unwrap()]);
        sleep(LONG).await;
        device.set_health(act);
        let before = Instant::now();
        let lease = get(&pool).await.unwrap();
        assert!(!lease.info().reused);
        assert!(before.elapsed() <= Duration::from_secs(5), "one health_check_timeout at most");
        until(|| pool.stats().closing == 0).await;
        assert_eq!((device.farewells(), device.live(), device.live_max()), (3, 1, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_test_of_one_session_delays_nobody_else() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    drop(get(&pool).await.unwrap());
    sleep(LONG).await;
    device.set_health(Act::After(Duration::from_secs(3)));
    let first = queued(&pool).await;
    let before = Instant::now();
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { get(&pool).await }
    });
    let lease = first.await.unwrap().unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO, "a new session comes before the tested one");
    assert!(!lease.info().reused);
    assert!(second.await.unwrap().unwrap().info().reused);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_during_a_test_leaves_the_session_to_the_pool() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    drop(get(&pool).await.unwrap());
    sleep(LONG).await;
    device.set_health(Act::After(Duration::from_secs(1)));
    let error = pool.get_with_context(&within_ms(100), Protocol::Ssh).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    sleep(Duration::from_secs(1)).await;
    assert_eq!((pool.stats().idle, device.farewells()), (1, 0), "the test ended well");
}

#[test]
fn a_runtime_that_shuts_down_during_a_test_leaves_no_slot_behind() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let device = Device::healthy();
    let pool = runtime.block_on(async {
        let pool = pool(&device, 1);
        drop(get(&pool).await.unwrap());
        sleep(LONG).await;
        device.set_health(Act::Hang(Phase::HealthCheck));
        queued(&pool).await.abort();
        tokio::task::yield_now().await;
        pool
    });
    assert_eq!((pool.stats().checking, pool.stats().in_use), (1, 0));
    drop(runtime);
    let stats = pool.stats();
    assert_eq!((stats.checking, stats.created_total, stats.closed_total), (0, 1, 1));
    assert_eq!(device.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_cuts_a_test_off() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    drop(get(&pool).await.unwrap());
    sleep(LONG).await;
    device.set_health(Act::Hang(Phase::HealthCheck));
    let waiter = queued(&pool).await;
    let before = Instant::now();
    pool.close(&long()).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(waiter.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!((device.live(), device.farewells()), (0, 1));
}
