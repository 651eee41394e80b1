//! Lending: capacity, order, re-use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use pool_core::{ConnectionPool, ConnectionPoolExt, Protocol};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn lends_up_to_max_without_waiting_and_makes_the_next_wait() {
    let device = Device::healthy();
    let pool = pool(&device, 2);
    let first = get(&pool).await.unwrap();
    let _second = get(&pool).await.unwrap();
    let third = queued(&pool).await;
    assert_eq!(pool.stats().in_use, 2);
    pool.release(first);
    let third = third.await.unwrap().unwrap();
    assert!(third.info().reused);
    assert_eq!(device.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_a_hundred_times_share_one_session() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..100 {
                let mut lease = get(&pool).await.unwrap();
                assert_eq!(use_once(&mut lease).await.unwrap(), 1);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((device.logins(), device.commands()), (1, 10_000));
    let stats = pool.stats();
    assert_eq!((stats.get_success_total, stats.reused_total), (10_000, 9_999));
}

#[tokio::test(start_paused = true)]
async fn twenty_five_thousand_waiters_all_finish() {
    let device = Device::healthy();
    let pool = pool(&device, 3);
    let served = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..25_000 {
        let (pool, served) = (pool.clone(), served.clone());
        tasks.push(tokio::spawn(async move {
            let _lease = get(&pool).await.unwrap();
            tokio::task::yield_now().await;
            served.fetch_add(1, SeqCst);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(served.load(SeqCst), 25_000);
    assert!(device.live_max() <= 3);
}

#[tokio::test]
async fn two_callers_hand_one_session_to_and_fro() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let play = |pool: Arc<pool::Pool>| async move {
        for _ in 0..50_000 {
            drop(get(&pool).await.unwrap());
        }
    };
    tokio::join!(play(pool.clone()), play(pool.clone()));
    assert_eq!(pool.stats().get_success_total, 100_000);
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_the_order_in_which_they_came_and_those_who_left_are_skipped() {
    let pool = pool(&Device::healthy(), 1);
    let held = get(&pool).await.unwrap();
    let mut waiters = Vec::new();
    for _ in 0..10 {
        waiters.push(queued(&pool).await);
    }
    for left in [0, 3, 4, 9] {
        waiters[left].abort();
    }
    until(|| pool.stats().waiting == 6).await;
    drop(held);
    for next in [1, 2, 5, 6, 7, 8] {
        until(|| waiters[next].is_finished()).await;
        assert_eq!(pool.stats().in_use, 1, "one at a time");
        // Giving it back lets the next in the list finish, and no other: the list is in order.
        drop((&mut waiters[next]).await.unwrap().unwrap());
    }
    assert_eq!(pool.stats().get_canceled_total, 4);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_pass_the_queue() {
    let pool = pool(&Device::healthy(), 1);
    let held = get(&pool).await.unwrap();
    let waiter = queued(&pool).await;
    drop(held);
    // The session was handed to the waiter, though its task has not run yet.
    pool.get_with_context(&within_ms(0), Protocol::Ssh).await.unwrap_err();
    waiter.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn reuses_before_it_makes_and_the_latest_first() {
    let device = Device::healthy();
    let pool = pool(&device, 3);
    let (first, second) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
    let latest = second.slot();
    drop(first);
    drop(second);
    let again = get(&pool).await.unwrap();
    assert_eq!(again.slot(), latest);
    assert_eq!(device.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lease_tells_how_it_came_about() {
    let device = Device::logging_in(Act::After(Duration::from_millis(200)));
    let pool = pool(&device, 1);
    let fresh = get(&pool).await.unwrap();
    let millis = Duration::from_millis;
    assert_eq!(fresh.info().connect, Some(millis(200)));
    assert_eq!((fresh.info().waited, fresh.info().reused), (millis(200), false));
    drop(fresh);
    let info = get(&pool).await.unwrap().info();
    assert_eq!((info.connect, info.waited, info.reused), (None, Duration::ZERO, true));
}

#[tokio::test(start_paused = true)]
async fn sixty_four_waiters_that_left_do_not_delay_the_one_that_stayed() {
    let pool = pool(&Device::healthy(), 1);
    let held = get(&pool).await.unwrap();
    let mut gone = Vec::new();
    for _ in 0..64 {
        gone.push(queued(&pool).await);
    }
    let stays = queued(&pool).await;
    gone.iter().for_each(tokio::task::JoinHandle::abort);
    drop(held);
    stays.await.unwrap().unwrap();
    assert_full_capacity(&pool).await;
}
