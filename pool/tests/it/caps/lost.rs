//! However an attempt or a session ends, what it had is free for others.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use pool::FleetLimits;
use pool_core::{ConnectionPool, Context, ErrorKind, Phase, Protocol, Request};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

const ROUTERS: u64 = 12;

#[tokio::test(start_paused = true)]
async fn a_login_that_panics_gives_its_permit_and_its_seat_back() {
    let limits = FleetLimits { sessions_max: NonZeroUsize::new(1), ..in_flight(1) };
    let site = Site::healthy(2, limits);
    site.device(0).set_login(Act::Panic);
    assert_eq!(get(&site.pool(0)).await.unwrap_err().kind(), ErrorKind::Local);
    drop(site.get(1).await);
}

#[tokio::test(start_paused = true)]
async fn a_place_in_the_queue_that_is_given_up_costs_those_behind_it_no_time() {
    let site = Site::healthy(3, per_second(1));
    drop(site.get(0).await);
    let before = Instant::now();
    let closed = all_queued(&site.pool(1), 2).await;
    calm().await;
    let waiter = queued(&site.pool(2)).await;
    calm().await;
    site.fleet.retire("router-1");
    waiter.await.unwrap().unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    closed.iter().for_each(tokio::task::JoinHandle::abort);
}

#[test]
fn a_runtime_that_shuts_down_leaves_no_permit_and_no_seat_behind() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let limits = FleetLimits { sessions_max: NonZeroUsize::new(2), ..in_flight(1) };
    let site = Site::healthy(4, limits);
    let first = runtime();
    first.block_on(async {
        drop(site.get(0).await);
        site.device(1).set_login(Act::Hang(Phase::Banner));
        let _login = queued(&site.pool(1)).await;
        let _seat = queued(&site.pool(2)).await;
        calm().await;
        assert_eq!(site.device(1).live(), 1);
    });
    drop(first);
    site.fleet.retire("router-0");
    runtime().block_on(async {
        let all = [site.get(3).await, site.get(3).await];
        assert_eq!(all.len(), 2);
    });
}

/// Callers of random routers that give up, are aborted, panic, or discard what they got.
async fn worker(site: Arc<Site>, mut seed: u64, until: Instant) {
    let mut roll = |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    while Instant::now() < until {
        let pool = site.pool(usize::try_from(roll(ROUTERS)).unwrap());
        let ctx = Context::detached(Duration::from_micros(roll(20_000)));
        let end = roll(10);
        let check = tokio::spawn(async move {
            let Ok(mut lease) = pool.get_with_context(&ctx, Protocol::Ssh).await else { return };
            use_once(&mut lease).await.ok();
            match end {
                0 => lease.discard(),
                1 => {
                    lease.execute(&ctx, &Request::command("ping").unwrap()).await.map(drop).unwrap()
                }
                _ => {}
            }
        });
        if roll(4) == 0 {
            tokio::time::sleep(Duration::from_micros(roll(2000))).await;
            check.abort();
        }
        drop(check.await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_use_of_many_routers_by_many_threads_keeps_the_limits_and_loses_nothing() {
    let limits = FleetLimits { sessions_max: NonZeroUsize::new(5), ..in_flight(3) };
    let site = Arc::new(Site::healthy(usize::try_from(ROUTERS).unwrap(), limits));
    for device in &site.network.devices {
        device.set_login(Act::After(Duration::from_millis(1)));
    }
    let until = Instant::now() + Duration::from_millis(500);
    let mut workers = JoinSet::new();
    (0..24).for_each(|seed| drop(workers.spawn(worker(site.clone(), seed, until))));
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    assert!(site.network.live_max.load(SeqCst) <= 5);
    // All seats can be taken again, by routers that have none, at once.
    let mut held = Vec::new();
    for number in 0..5 {
        let ctx = Context::detached(Duration::from_secs(10));
        let lease = site.pool(number).get_with_context(&ctx, Protocol::Ssh).await;
        held.push(lease.expect("nothing is lost"));
    }
    let logins = site.logins().len();
    assert!(logins > 50, "it was a stress: {logins} logins");
    drop(held);
    site.fleet.close(&long()).await;
    assert_eq!(site.live(), 0);
}
