//! What a pool keeps ready, whatever becomes of it.

use std::time::Duration;

use pool::{FleetLimits, Pool};
use pool_core::{ConnectionPool, Lease, Phase};

use crate::caps::Site;
use crate::support::*;

/// Something that costs a pool the one session that it has.
type Loss = fn(&Device, &Pool, Lease);

/// Ways in which sessions are lost.
fn losses() -> Vec<(&'static str, Loss)> {
    vec![
        ("broken", |_, _, mut lease| lease.discard()),
        ("evicted while idle", |_, pool, lease| {
            drop(lease);
            assert_eq!(pool.evict_all(), 1);
        }),
        ("evicted while in use", |_, pool, lease| assert!(pool.evict(lease.slot()))),
        ("kept by its holder", |_, _, lease| drop(lease.into_driver())),
        ("lost with a holder that panics", |_, _, lease| {
            let holder = std::thread::spawn(move || {
                let _lease = lease;
                panic!("a holder that panics");
            });
            assert!(holder.join().is_err());
        }),
        ("lost while it is idle", |device, _, lease| {
            drop(lease);
            device.next_healths([Act::Err(lost())]);
        }),
        ("hung while it is idle", |device, _, lease| {
            drop(lease);
            device.next_healths([Act::Hang(Phase::HealthCheck)]);
        }),
        ("tested by something that panics", |device, _, lease| {
            drop(lease);
            device.next_healths([Act::Panic]);
        }),
        ("replaced on demand", |_, pool, lease| {
            drop(lease);
            assert_eq!(pool.rebuild_all(), 1);
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn however_a_session_is_lost_the_minimum_is_made_up_for() {
    for (how, lose) in losses() {
        let site = Site::healthy(1, FleetLimits::default());
        let device = site.device(0);
        let mut keeps_one = Site::config(0);
        keeps_one.min_connections = 1;
        let pool = site.fleet.pool("router-0", &keeps_one).unwrap();
        let lease = get(&pool).await.unwrap();
        let slot = lease.slot();
        lose(device, &pool, lease);
        // Long enough for a test of what is idle, its time-out, and a sweep.
        tokio::time::sleep(Duration::from_secs(200)).await;
        let stats = pool.stats();
        assert_eq!((stats.idle, stats.creating, device.live()), (1, 0, 1), "{how}: {stats:?}");
        assert_ne!(get(&pool).await.unwrap().slot(), slot, "{how}");
    }
}
