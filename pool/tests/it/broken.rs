//! Sessions that cannot be lent again, and holders that go wrong.

use std::time::Duration;

use pool_core::{ConnectionPool, Context, ErrorKind, Phase, Protocol, Request};
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn ten_gets_through_broken_sessions_all_succeed() {
    let device = Device::healthy();
    let pool = pool(&device, 5);
    for _ in 0..10 {
        device.set_command(Act::Err(lost()));
        let mut lease = get(&pool).await.unwrap();
        assert_eq!(use_once(&mut lease).await.unwrap_err().kind(), ErrorKind::Disconnected);
        assert!(!lease.info().reused, "the broken one before it is gone");
    }
    until(|| device.live() == 0).await;
    let stats = pool.stats();
    assert_eq!((stats.discarded_total, stats.closed_total, stats.idle), (10, 10, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_command_keeps_the_session() {
    let device = Device::healthy();
    let rejected = pool_core::Error::Rejected { command: "pin".into(), message: "% Bad".into() };
    device.set_command(Act::Err(rejected));
    let pool = pool(&device, 1);
    use_once(&mut get(&pool).await.unwrap()).await.unwrap_err();
    assert!(get(&pool).await.unwrap().info().reused);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_command_was_cut_short_is_never_lent_again() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    device.set_command(Act::Hang(Phase::Read));
    let mut lease = get(&pool).await.unwrap();
    let first = lease.slot();
    let request = Request::command("ping").unwrap();
    lease.execute(&within_ms(100), &request).await.unwrap_err();
    drop(lease);
    let next = get(&pool).await.unwrap();
    assert_ne!(next.slot(), first);
    assert!(!next.info().reused);
}

#[tokio::test(start_paused = true)]
async fn a_discarded_lease_is_closed_and_the_waiter_gets_a_new_session() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let mut lease = get(&pool).await.unwrap();
    let waiter = queued(&pool).await;
    lease.discard();
    drop(lease);
    assert!(!waiter.await.unwrap().unwrap().info().reused);
    assert_eq!((device.farewells(), device.live_max()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_panics_loses_the_session_and_nothing_else() {
    let device = Device::healthy();
    let pool = pool(&device, 1);
    let lease = get(&pool).await.unwrap();
    let holder = tokio::spawn(async move {
        let _held = lease;
        panic!("holder");
    });
    assert!(holder.await.unwrap_err().is_panic());
    assert!(!get(&pool).await.unwrap().info().reused);
}

#[tokio::test(start_paused = true)]
async fn a_session_counts_until_its_closing_is_done_and_closing_is_bounded() {
    let device = Device::healthy();
    device.set_farewell(Act::Hang(Phase::Close));
    let pool = pool(&device, 1);
    let mut lease = get(&pool).await.unwrap();
    lease.discard();
    drop(lease);
    let before = Instant::now();
    let stats = pool.stats();
    assert_eq!((stats.closing, stats.in_use), (1, 0));
    get(&pool).await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(5), "the device did not answer");
    assert_eq!(device.live_max(), 1, "it never had two of our sessions");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_closing_frees_the_slot() {
    let device = Device::healthy();
    device.set_farewell(Act::Panic);
    let pool = pool(&device, 1);
    let mut lease = get(&pool).await.unwrap();
    lease.discard();
    drop(lease);
    get(&pool).await.unwrap();
    assert_eq!(device.live(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_hangs_in_every_stage_never_holds_a_caller_past_its_deadline() {
    let device = Device::healthy();
    device.set_command(Act::Hang(Phase::Read));
    device.set_farewell(Act::Hang(Phase::Close));
    device.next_logins((0..5).map(|_| Act::Hang(Phase::ChannelOpen)));
    let pool = pool(&device, 2);
    for _ in 0..20 {
        let before = Instant::now();
        let ctx = Context::detached(Duration::from_secs(2));
        if let Ok(mut lease) = pool.get_with_context(&ctx, Protocol::Ssh).await {
            lease.execute(&ctx, &Request::command("ping").unwrap()).await.unwrap_err();
        }
        assert!(before.elapsed() <= Duration::from_secs(2));
    }
    assert!(device.live_max() <= 2);
    device.clear_next_logins();
    sleep(Duration::from_secs(60)).await;
    assert_full_capacity(&pool).await;
}
