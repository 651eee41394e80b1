//! Real threads, random everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use pool_core::{ConnectionPool, Context, Phase, Protocol, Request};
use tokio::time::Instant;

use crate::support::*;

const MAX: usize = 4;
const WORKERS: u64 = 32;
const LENGTH: Duration = Duration::from_millis(1500);

/// A small generator of arbitrary numbers (a linear congruence): what is wanted is variety.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What may go wrong on the device. A panic there is caught by the pool, but printed, so few.
fn acts(dice: &mut Dice) -> Act {
    match dice.roll(100) {
        0..60 => Act::Ok,
        60..85 => Act::After(Duration::from_micros(dice.roll(2000))),
        85..98 => Act::Err(lost()),
        98 => Act::Hang(Phase::Read),
        _ => Act::Panic,
    }
}

/// A lease that is held by somebody, until this is dropped.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(held: &Arc<AtomicUsize>) -> Self {
        assert!(held.fetch_add(1, SeqCst) < MAX, "more lent than there may be");
        Self(held.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

async fn worker(pool: Arc<pool::Pool>, mut dice: Dice, until: Instant, lent: Arc<AtomicUsize>) {
    while Instant::now() < until {
        let ctx = Context::detached(Duration::from_micros(dice.roll(8000)));
        let lent = lent.clone();
        let (pool, roll) = (pool.clone(), dice.roll(20));
        let check = tokio::spawn(async move {
            let Ok(mut lease) = pool.get_with_context(&ctx, Protocol::Ssh).await else { return };
            let _held = Held::new(&lent);
            if roll == 0 {
                lease.discard();
            } else if roll < 10 {
                let request = Request::command("ping").unwrap();
                lease.execute(&ctx, &request).await.ok();
            }
        });
        match dice.roll(3) {
            0 => {
                let pause = Duration::from_micros(dice.roll(3000));
                let abort = check.abort_handle();
                if tokio::time::timeout(pause, check).await.is_err() {
                    abort.abort();
                }
            }
            _ => drop(check.await),
        }
    }
}

fn shaky_pool(device: &Arc<Device>) -> Arc<pool::Pool> {
    let mut config = config(MAX);
    config.connect_timeout = Duration::from_millis(20);
    pool_with(device, config)
}

fn start_workers(pool: &Arc<pool::Pool>, end: Instant) -> Vec<tokio::task::JoinHandle<()>> {
    let lent = Arc::new(AtomicUsize::new(0));
    (0..WORKERS)
        .map(|seed| tokio::spawn(worker(pool.clone(), Dice(seed), end, lent.clone())))
        .collect()
}

fn shake(device: &Device, dice: &mut Dice) {
    // Failed logins make the pool pause, and a pool that pauses is not stressed: so, few.
    device.set_login(if dice.roll(10) == 0 { acts(dice) } else { Act::Ok });
    device.set_command(acts(dice));
    device.set_farewell(match acts(dice) {
        Act::Hang(_) => Act::Ok,
        other => other,
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_amid_random_use_leaves_nothing_behind() {
    for round in 0..20 {
        let device = Device::healthy();
        let pool = shaky_pool(&device);
        let start = Instant::now();
        let workers = start_workers(&pool, start + LENGTH);
        let mut dice = Dice(round);
        let close_at = start + Duration::from_millis(5 + dice.roll(20));
        while Instant::now() < close_at {
            shake(&device, &mut dice);
            tokio::task::yield_now().await;
        }
        device.set_command(Act::Ok);
        device.set_farewell(Act::Ok);
        pool.close(&Context::detached(Duration::from_secs(10))).await;
        let stats = pool.stats();
        assert!(pool.is_drained(), "{stats:?}");
        assert_eq!((device.live(), stats.waiting), (0, 0));
        assert_eq!(stats.created_total, stats.closed_total, "{stats:?}");
        workers.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_use_by_many_threads_ends_with_the_whole_capacity_usable() {
    let device = Device::healthy();
    let pool = shaky_pool(&device);
    let end = Instant::now() + LENGTH;
    let workers = start_workers(&pool, end);
    let mut dice = Dice(7);
    while Instant::now() < end {
        shake(&device, &mut dice);
        let stats = pool.stats();
        assert!(
            stats.in_use + stats.idle + stats.creating + stats.checking + stats.closing <= MAX,
            "{stats:?}"
        );
        tokio::task::yield_now().await;
    }
    for worker in workers {
        worker.await.unwrap();
    }
    device.set_login(Act::Ok);
    device.set_command(Act::Ok);
    device.set_farewell(Act::Ok);
    assert_full_capacity(&pool).await;
    assert!(device.live_max() <= MAX);
    let ctx = Context::detached(Duration::from_secs(10));
    pool.close(&ctx).await;
    let stats = pool.stats();
    assert_eq!(device.live(), 0);
    assert_eq!(stats.created_total, stats.closed_total, "{stats:?}");
    // Some thousands on an idle machine.
    assert!(stats.get_success_total > 50, "it was a stress: {stats:?}");
}
