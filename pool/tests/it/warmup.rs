//! Sessions made ahead of their use.

use std::time::Duration;

use pool_core::{ConnectionPool, ErrorKind, Phase, Protocol};
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_warm_up_makes_what_is_missing_side_by_side() {
    let device = Device::logging_in(Act::After(Duration::from_secs(1)));
    let pool = pool(&device, 3);
    drop(get(&pool).await.unwrap());
    let before = Instant::now();
    let report = pool.warm_up(&long(), Protocol::Ssh, 9).await.unwrap();
    assert_eq!((report.ready, report.failures.len()), (3, 0), "as many as it may have");
    assert_eq!((device.logins(), before.elapsed()), (3, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_reports_each_failure() {
    let device = Device::healthy();
    device.next_logins([Act::Ok, Act::Err(refused())]);
    let pool = pool(&device, 2);
    let report = pool.warm_up(&long(), Protocol::Ssh, 2).await.unwrap();
    assert_eq!(report.ready, 1);
    let kinds: Vec<_> = report.failures.iter().map(pool_core::Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::Connect]);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_gives_up_leaves_its_logins_to_the_pool() {
    let device = Device::logging_in(Act::After(Duration::from_secs(2)));
    let pool = pool(&device, 2);
    let report = pool.warm_up(&within_ms(500), Protocol::Ssh, 2).await.unwrap();
    assert_eq!((report.ready, report.failures.len()), (0, 2));
    assert_eq!(report.failures[0].kind(), ErrorKind::DeadlineExceeded);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(pool.stats().idle, 2);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_of_a_closed_pool_says_so() {
    let device = Device::logging_in(Act::Hang(Phase::Banner));
    let pool = pool(&device, 1);
    let ctx = long();
    let closing = async {
        tokio::task::yield_now().await;
        pool.close(&long()).await;
    };
    let (report, ()) = tokio::join!(pool.warm_up(&ctx, Protocol::Ssh, 1), closing);
    assert_eq!(report.unwrap().failures[0].kind(), ErrorKind::Closed);
    let error = pool.warm_up(&ctx, Protocol::Ssh, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}
