//! One deadline over everything a caller waits for.

use std::error::Error as _;
use std::time::Duration;

use futures_util::future::join_all;
use pool_core::{ConnectionPool, ConnectionPoolExt, Context, Error, ErrorKind, Phase, Protocol};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_100_ms_deadline_gives_deadline_exceeded() {
    let device = Device::logging_in(Act::Hang(Phase::KeyExchange));
    let pool = pool(&device, 1);
    let before = Instant::now();
    let error = pool.get_with_context(&within_ms(100), Protocol::Ssh).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_millis(100));
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(error.phase(), Some(Phase::Acquire));
    let cause = error.source().expect("what it waited for").to_string();
    assert_eq!(cause, "deadline exceeded in phase key_exchange after 100.0ms");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_after_50_ms_gives_cancelled() {
    let pool = pool(&Device::logging_in(Act::Hang(Phase::Banner)), 1);
    let cancel = CancellationToken::new();
    let ctx = Context::new(&cancel, Duration::from_secs(10));
    let before = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(pool.get_with_context(&ctx, Protocol::Ssh), later);
    assert_eq!(before.elapsed(), Duration::from_millis(50));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(pool.stats().get_canceled_total, 1);
}

#[tokio::test(start_paused = true)]
async fn a_configured_connect_timeout_bites_through_plain_get() {
    let device = Device::logging_in(Act::Hang(Phase::Authentication));
    let mut config = config(1);
    config.connect_timeout = Duration::from_millis(700);
    let pool = pool_with(&device, config);
    let before = Instant::now();
    let error = pool.get(Protocol::Ssh).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_millis(700));
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn the_login_itself_is_cut_at_connect_timeout_in_the_phase_it_came_to() {
    let device = Device::logging_in(Act::Hang(Phase::Prompt));
    let mut config = config(1);
    config.connect_timeout = Duration::from_secs(2);
    config.retry_max_attempts = 1;
    let pool = pool_with(&device, config);
    let error = get(&pool).await.unwrap_err();
    assert!(
        matches!(error, Error::DeadlineExceeded { phase: Phase::Prompt, .. }),
        "the attempt's own error: {error:?}"
    );
    assert_eq!(device.live(), 0, "nothing of it remains");
}

#[tokio::test(start_paused = true)]
async fn a_get_ends_at_its_deadline_when_all_are_lent_and_later_gets_still_work() {
    let pool = pool(&Device::healthy(), 1);
    let held = get(&pool).await.unwrap();
    let before = Instant::now();
    let error = pool.get_with_context(&within_ms(300), Protocol::Ssh).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_millis(300));
    let cause = error.source().expect("never a bare timeout").to_string();
    assert!(cause.contains("of 1 sessions, 1 are in use, the longest for 300"), "{cause}");
    drop(held);
    assert_full_capacity(&pool).await;
    assert_eq!(pool.stats().get_timeout_total, 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_context_never_logs_in() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let ctx = within_ms(10);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = pool.get_with_context(&ctx, Protocol::Ssh).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(device.logins(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_means_try() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    pool.get_with_context(&within_ms(0), Protocol::Ssh).await.unwrap_err();
    drop(get(&pool).await.unwrap());
    let lease = pool.get_with_context(&within_ms(0), Protocol::Ssh).await.expect("it lies ready");
    assert!(lease.info().reused);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_context_gets_nothing_even_if_a_session_lies_ready() {
    let pool = pool(&Device::healthy(), 1);
    drop(get(&pool).await.unwrap());
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ctx = Context::new(&cancel, Duration::from_secs(1));
    let error = pool.get_with_context(&ctx, Protocol::Ssh).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_names_the_login_that_failed_meanwhile() {
    let device = Device::logging_in(Act::Err(refused()));
    let mut config = config(1);
    config.retry_max_attempts = 10;
    let pool = pool_with(&device, config);
    let error = pool.get_with_context(&within_ms(60), Protocol::Ssh).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    let cause = error.source().expect("the failed login");
    assert_eq!(cause.to_string(), "cannot connect to 192.0.2.1:22");
    assert!(cause.source().is_some(), "and under it the operating system's error");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_somebody_elses_login_counts() {
    let device = Device::logging_in(Act::After(Duration::from_secs(5)));
    let pool = pool(&device, 1);
    let first = queued(&pool).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = Instant::now();
    let error = pool.get_with_context(&within_ms(1000), Protocol::Ssh).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    first.await.unwrap().unwrap();
}

#[test]
fn deadlines_are_kept_when_the_runtime_of_who_came_first_is_shut_down() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_time().build().unwrap()
    };
    let (ours, other) = (runtime(), runtime());
    let device = Device::healthy();
    let (pool, _held) = ours.block_on(async {
        let pool = pool(&device, 1);
        let held = get(&pool).await.unwrap();
        (pool, held)
    });
    let (short, long) = (within_ms(50), within_ms(100));
    let mut asleep = std::task::Context::from_waker(std::task::Waker::noop());
    let mut first = Box::pin(pool.acquire(&short, Protocol::Ssh));
    let entered = other.enter();
    assert!(first.as_mut().poll(&mut asleep).is_pending());
    drop(entered);
    let error = ours.block_on(async {
        let mut patient = Box::pin(pool.acquire(&long, Protocol::Ssh));
        assert!(futures_util::poll!(&mut patient).is_pending());
        other.shutdown_background();
        patient.await.unwrap_err()
    });
    drop(first);
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(pool.stats().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn each_deadline_is_kept_whatever_the_order_of_the_queue() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let _held = get(&pool).await.unwrap();
    let start = Instant::now();
    let get_within = |millis: u64| {
        let pool = &pool;
        async move {
            let ctx = within_ms(millis);
            pool.get_with_context(&ctx, Protocol::Ssh).await.unwrap_err();
            start.elapsed().as_millis()
        }
    };
    let ended = join_all([500, 100, 300, 100, 900].map(get_within)).await;
    assert_eq!(ended, [500, 100, 300, 100, 900]);
    let stats = pool.stats();
    assert_eq!((stats.waiting, stats.get_timeout_total), (0, 5));
}
