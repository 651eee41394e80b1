//! Logins: whose they are, how they fail, who is told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use pool_core::{ConnectionPool, Error, ErrorKind, Phase, Protocol};
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_wastes_nothing() {
    let device = Device::logging_in(Act::After(Duration::from_millis(200)));
    let pool = pool(&device, 1);
    let before = Instant::now();
    pool.get_with_context(&within_ms(50), Protocol::Ssh).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_millis(50), "it returns at once");
    sleep(Duration::from_millis(151)).await;
    assert_eq!(pool.stats().idle, 1, "the login went on");
    let info = get(&pool).await.unwrap().info();
    assert!(!info.reused, "nobody has used it yet");
    assert_eq!(info.connect, None, "and this caller did not wait for it");
    assert_eq!(device.logins(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_with_short_deadlines_are_served_by_one_slow_login() {
    let device = Device::logging_in(Act::After(Duration::from_millis(200)));
    let pool = pool(&device, 4);
    let mut served = 0;
    for _ in 0..20 {
        served += u32::from(pool.get_with_context(&within_ms(50), Protocol::Ssh).await.is_ok());
    }
    assert_eq!(device.logins(), 1);
    assert!(served >= 16, "{served} of 20");
}

#[tokio::test(start_paused = true)]
async fn a_login_has_its_own_deadline_not_the_callers() {
    let device = Device::logging_in(Act::After(Duration::from_secs(20)));
    let pool = pool(&device, 1);
    pool.get_with_context(&within_ms(1000), Protocol::Ssh).await.unwrap_err();
    sleep(Duration::from_secs(20)).await;
    assert_eq!(pool.stats().idle, 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_caller_a_login_was_started_for_leaves_the_next_gets_the_session() {
    let device = Device::logging_in(Act::After(Duration::from_millis(100)));
    let pool = pool(&device, 1);
    let (first, second) = (queued(&pool).await, queued(&pool).await);
    first.abort();
    second.await.unwrap().unwrap();
    assert_eq!(device.logins(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_callers_leave_during_a_login_the_pool_is_clean() {
    let device = Device::logging_in(Act::Hang(Phase::Banner));
    let pool = pool(&device, 2);
    let callers = [queued(&pool).await, queued(&pool).await, queued(&pool).await];
    callers.iter().for_each(tokio::task::JoinHandle::abort);
    sleep(Duration::from_secs(31)).await;
    let stats = pool.stats();
    assert_eq!((stats.waiting, stats.creating, device.live()), (0, 0, 0));
    device.set_login(Act::Ok);
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_login_that_never_returns_does_not_take_its_slot_with_it() {
    let device = Device::healthy();
    device.next_logins([Act::Hang(Phase::Connect)]);
    let pool = pool(&device, 1);
    pool.get_with_context(&within_ms(100), Protocol::Ssh).await.unwrap_err();
    let before = Instant::now();
    get(&pool).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(31), "bounded by connect_timeout");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_login_is_an_error_and_frees_the_slot() {
    let device = Device::logging_in(Act::Panic);
    let pool = pool(&device, 1);
    let error = get(&pool).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    assert_eq!(device.live(), 0);
    device.set_login(Act::Ok);
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_login_is_retried_and_the_caller_sees_only_the_success() {
    let device = Device::healthy();
    device.next_logins([Act::Err(refused())]);
    let pool = pool(&device, 1);
    get(&pool).await.unwrap();
    assert_eq!(device.logins(), 2);
    assert_eq!(pool.stats().create_failed_total, 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_login_fails_the_second_serves_who_waits_within_ten_milliseconds() {
    let device = Device::healthy();
    device.next_logins([Act::Err(refused())]);
    let mut config = config(1);
    config.retry_max_attempts = 3;
    let pool = pool_with(&device, config);
    let before = Instant::now();
    for lease in join_all((0..2).map(|_| async { get(&pool).await.map(drop) })).await {
        lease.unwrap();
    }
    assert!(before.elapsed() <= Duration::from_millis(10), "{:?}", before.elapsed());
    assert_eq!(device.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_get_the_next_one_succeeds() {
    let device = Device::healthy();
    device.next_logins([Act::Err(refused()), Act::Err(refused())]);
    let pool = pool(&device, 1);
    assert_eq!(get(&pool).await.unwrap_err().kind(), ErrorKind::Connect);
    get(&pool).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_callers_of_a_dead_device_get_its_real_error_without_a_login_storm() {
    let device = Device::logging_in(Act::Err(refused()));
    let pool = pool(&device, 4);
    let errors = join_all((0..100).map(|_| get(&pool))).await;
    for error in errors {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Connect);
    }
    assert!(device.logins() <= 6, "{} logins for 100 callers", device.logins());
    let stats = pool.stats();
    assert_eq!((stats.creating, stats.waiting, stats.get_failed_total), (0, 0, 100));
}

#[tokio::test(start_paused = true)]
async fn one_error_is_given_to_all_who_waited_for_it() {
    let device = Device::logging_in(Act::ErrAfter(Duration::from_millis(10), refused()));
    let mut config = config(1);
    config.retry_max_attempts = 1;
    let pool = pool_with(&device, config);
    let errors = join_all((0..5).map(|_| get(&pool))).await;
    let sources: Vec<_> = errors
        .into_iter()
        .map(|error| match error.unwrap_err() {
            Error::Connect { source, .. } => source,
            other => panic!("not the login's own error: {other:?}"),
        })
        .collect();
    assert!(sources.iter().all(|source| Arc::ptr_eq(source, &sources[0])));
    assert_eq!(device.logins(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_reaches_all_waiters_at_once_and_is_not_tried_again() {
    let device = Device::logging_in(Act::ErrAfter(Duration::from_millis(30), wrong_password()));
    let pool = pool(&device, 1);
    let before = Instant::now();
    for error in join_all((0..20).map(|_| get(&pool))).await {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Authentication);
    }
    assert_eq!(before.elapsed(), Duration::from_millis(30));
    assert_eq!(device.logins(), 1, "accounts lock after a few");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_back_serves_those_who_still_wait() {
    let device = Device::logging_in(Act::Err(refused()));
    let mut config = config(2);
    config.retry_max_attempts = 10;
    let pool = pool_with(&device, config);
    let before = Instant::now();
    let comes_back = async {
        sleep(Duration::from_millis(300)).await;
        device.set_login(Act::Ok);
    };
    let (result, ()) = tokio::join!(get(&pool), comes_back);
    result.unwrap();
    let waited = before.elapsed();
    assert!((250..1500).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn while_logins_fail_a_returned_session_serves_the_waiter() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    let held = get(&pool).await.unwrap();
    let busy = Error::Busy { phase: Phase::Shell, message: "% All lines are busy".into() };
    device.set_login(Act::Err(busy));
    let waiter = queued(&pool).await;
    sleep(Duration::from_secs(60)).await;
    assert!(!waiter.is_finished(), "the lent session can still serve it");
    drop(held);
    assert!(waiter.await.unwrap().unwrap().info().reused);
    assert!(device.logins() < 30, "{} logins in a minute", device.logins());
}

#[tokio::test(start_paused = true)]
async fn many_callers_that_come_again_and_again_do_not_hammer_a_dead_device() {
    let device = Device::logging_in(Act::Err(refused()));
    let pool = pool(&device, 4);
    let end = Instant::now() + Duration::from_secs(10);
    let caller = || async {
        while Instant::now() < end {
            pool.get_with_context(&within_ms(500), Protocol::Ssh).await.unwrap_err();
            sleep(Duration::from_millis(10)).await;
        }
    };
    join_all((0..20).map(|_| caller())).await;
    assert!(device.logins() <= 12, "{} logins in 10 s", device.logins());
}

#[tokio::test(start_paused = true)]
async fn while_a_device_is_known_to_be_down_callers_fail_at_once_with_the_cause() {
    let device = Device::logging_in(Act::ErrAfter(Duration::from_secs(1), refused()));
    let pool = pool(&device, 2);
    for _ in 0..3 {
        get(&pool).await.unwrap_err();
    }
    let (logins, before) = (device.logins(), Instant::now());
    for _ in 0..100 {
        assert_eq!(get(&pool).await.unwrap_err().kind(), ErrorKind::Connect);
    }
    assert_eq!((device.logins(), before.elapsed()), (logins, Duration::ZERO));
    device.set_login(Act::Ok);
    sleep(Duration::from_secs(5)).await;
    get(&pool).await.expect("one is let through, and finds it up");
}
