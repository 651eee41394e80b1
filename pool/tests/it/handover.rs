//! From one caller's hands to the next one's, and fairly.

use std::sync::Arc;
use std::time::Duration;

use pool_core::ConnectionPool;
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_session_on_its_way_to_a_caller_that_has_just_gone_goes_to_the_next() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let held = get(&pool).await.unwrap();
    let slot = held.slot();
    let gone = [queued(&pool).await, queued(&pool).await];
    let stays = queued(&pool).await;
    // It is sent to the first, who is cut off before hearing of it; then to the second, likewise.
    drop(held);
    gone.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(stays.await.unwrap().unwrap().slot(), slot);
    assert_eq!(device.logins(), 1);
    let stats = pool.stats();
    assert_eq!((stats.get_success_total, stats.get_canceled_total), (2, 2));
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_just_made_for_a_caller_that_has_gone_goes_to_the_next() {
    let device = Device::logging_in(Act::After(Duration::from_secs(1)));
    let pool = pool(&device, 1);
    let gone = queued(&pool).await;
    let stays = queued(&pool).await;
    until(|| device.live() == 1).await;
    // Time stands still until all have done what they can: the login ends, and the first caller
    // goes, in the same instant.
    let cut = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        gone.abort();
    });
    let before = Instant::now();
    let _lease = stays.await.unwrap().expect("it is served");
    cut.await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert_eq!(device.logins(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_comes_back_serves_the_caller_whose_login_is_slow() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    let held = get(&pool).await.unwrap();
    device.set_login(Act::After(Duration::from_secs(20)));
    let waiter = queued(&pool).await;
    sleep(Duration::from_secs(1)).await;
    let before = Instant::now();
    drop(held);
    let lease = waiter.await.unwrap().unwrap();
    assert_eq!((before.elapsed(), lease.info().reused), (Duration::ZERO, true));
    sleep(Duration::from_secs(20)).await;
    assert_eq!((pool.stats().idle, device.logins()), (1, 2), "the late one is kept for the next");
}

#[tokio::test(start_paused = true)]
async fn sixteen_workers_get_equal_shares_of_two_sessions_and_none_waits_longer_than_its_turn() {
    const WORKERS: usize = 16;
    const HOLD: Duration = Duration::from_millis(2);
    let pool = pool(&Device::healthy(), 2);
    let end = Instant::now() + Duration::from_secs(10);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                let (mut leases, mut longest) = (0_u32, Duration::ZERO);
                while Instant::now() < end {
                    let lease = get(&pool).await.unwrap();
                    longest = longest.max(lease.info().waited);
                    sleep(HOLD).await;
                    drop(lease);
                    leases += 1;
                }
                (leases, longest)
            })
        })
        .collect();
    let mut shares = Vec::new();
    for worker in workers {
        let (leases, longest) = worker.await.unwrap();
        assert!(longest <= HOLD * 8, "{longest:?}");
        shares.push(leases);
    }
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(most - least <= 1 && *least >= 624, "{shares:?}");
}
