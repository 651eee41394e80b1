//! What a fleet knows of its past and of its present.

use std::sync::Arc;
use std::time::Duration;

use pool::{FleetLimits, FleetTotals};
use pool_core::{
    ConnectionPool, DiscardReason, ErrorKind, Phase, PoolStats, Protocol, RebuildReason,
};
use tokio::time::{Instant, sleep};

use crate::caps::{Site, all_queued, calm, in_flight, sessions};
use crate::support::*;

fn discarded(totals: &FleetTotals, reason: DiscardReason) -> u64 {
    let row = totals.discarded.iter().find(|(known, _)| *known == reason);
    row.expect("every reason has a row").1
}

/// Figures that can be had in two ways are the same in both.
#[track_caller]
fn assert_agree(site: &Site) {
    let totals = site.fleet.totals();
    let PoolStats { in_use, idle, checking, .. } = totals.pools;
    let kept = u64::try_from(in_use + idle + checking).unwrap();
    let pools = totals.pools;
    assert_eq!(totals.discarded.iter().map(|(_, n)| n).sum::<u64>(), pools.discarded_total);
    assert_eq!(totals.create_failed.values().sum::<u64>(), pools.create_failed_total);
    assert_eq!(discarded(&totals, DiscardReason::Rebuilt), pools.rebuilt_total);
    assert_eq!(pools.created_total - pools.discarded_total - pools.taken_total, kept, "{pools:?}");
    assert_eq!(usize::try_from(pools.created_total - pools.closed_total).unwrap(), site.live());
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_counted_by_its_cause() {
    let site = Site::healthy(3, FleetLimits::default());
    site.device(0).next_logins([Act::Err(refused()), Act::Ok]);
    drop(site.get(0).await);
    site.device(1).set_login(Act::Err(wrong_password()));
    get(&site.pool(1)).await.unwrap_err();
    let mut lease = site.get(2).await;
    site.device(2).set_command(Act::Err(lost()));
    use_once(&mut lease).await.unwrap_err();
    drop(lease);
    drop(site.get(2).await);
    site.device(2).set_health(Act::Err(lost()));
    sleep(Duration::from_secs(60)).await;
    drop(site.get(2).await);
    assert_eq!(site.pool(0).rebuild_all(), 1);
    calm().await;
    let totals = site.fleet.totals();
    let failed: Vec<_> =
        totals.create_failed.iter().map(|(cause, count)| (*cause, *count)).collect();
    let expected = [
        ((ErrorKind::Connect, Some(Phase::Connect)), 1),
        ((ErrorKind::Authentication, Some(Phase::Authentication)), 1),
    ];
    assert_eq!(failed, expected);
    let reasons = [DiscardReason::Broken, DiscardReason::Unhealthy, DiscardReason::Rebuilt];
    assert_eq!(reasons.map(|reason| discarded(&totals, reason)), [1; 3]);
    let demanded = (RebuildReason::Demanded, 1);
    assert!(totals.rebuilds.contains(&demanded), "{:?}", totals.rebuilds);
    assert_eq!((totals.health_checks_total, totals.pools.health_failed_total), (1, 1));
    assert_agree(&site);
}

#[tokio::test(start_paused = true)]
async fn counts_never_fall_when_pools_go() {
    let site = Site::healthy(2, FleetLimits::default());
    let old = site.pool(0);
    let mut leases = Vec::new();
    for _ in 0..2 {
        leases.push(get(&old).await.unwrap());
    }
    let mut changed = Site::config(0);
    changed.read_timeout = Duration::from_secs(7);
    let new = site.fleet.pool("router-0", &changed).unwrap();
    let totals = || site.fleet.totals().pools;
    assert_eq!((totals().get_success_total, totals().in_use), (2, 2), "it still has sessions");
    assert_eq!(totals().max_connections, 2, "of the pool that takes callers");
    assert_agree(&site);
    drop(leases);
    until(|| old.is_drained()).await;
    drop(get(&new).await.unwrap());
    get(&old).await.unwrap_err();
    sleep(Duration::from_secs(60)).await;
    assert_eq!((totals().get_success_total, totals().get_failed_total), (3, 1));
    drop(old);
    for _ in 0..3 {
        sleep(Duration::from_secs(60)).await;
        let pools = totals();
        assert_eq!((pools.get_success_total, pools.get_failed_total), (3, 1));
        assert_eq!((pools.created_total, pools.closed_total), (3, 2));
        assert_agree(&site);
    }
    drop(new);
    site.fleet.close(&long()).await;
    assert_eq!((totals().created_total, totals().closed_total, totals().idle), (3, 3, 0));
    assert_agree(&site);
}

#[tokio::test(start_paused = true)]
async fn the_load_says_who_has_what_the_routers_share_and_who_waits_for_it() {
    let limits = FleetLimits { sessions_max: sessions(3).sessions_max, ..in_flight(1) };
    let site = Site::healthy(4, limits);
    let held = site.get(0).await;
    for router in [1, 2, 3] {
        site.device(router).set_login(Act::Hang(Phase::Banner));
        let _caller = queued(&site.pool(router)).await;
        calm().await;
    }
    assert_eq!(site.fleet.limits(), limits);
    let load = site.fleet.load();
    assert_eq!((load.pools, load.retired), (4, 0));
    assert_eq!((load.sessions, load.sessions_waiting), (3, 1));
    assert_eq!((load.logins_in_flight, load.logins_waiting), (1, 1));
    site.fleet.retire("router-0");
    assert_eq!((site.fleet.load().pools, site.fleet.load().retired), (3, 1));
    drop(held);
    calm().await;
    let load = site.fleet.load();
    assert_eq!((load.sessions, load.sessions_waiting, load.retired), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_the_load_is_what_there_is() {
    let site = Site::healthy(2, FleetLimits::default());
    let held = site.get(0).await;
    site.device(1).set_login(Act::Hang(Phase::Banner));
    let _callers = all_queued(&site.pool(1), 5).await;
    calm().await;
    let load = site.fleet.load();
    assert_eq!((load.sessions, load.sessions_waiting), (3, 0));
    assert_eq!((load.logins_in_flight, load.logins_waiting), (2, 0));
    // The pool of the new configuration waits for the sessions of the old one.
    let mut changed = Site::config(0);
    changed.max_connections = 1;
    changed.read_timeout += Duration::from_secs(1);
    let pool = site.fleet.pool("router-0", &changed).unwrap();
    let _caller = queued(&pool).await;
    calm().await;
    let load = site.fleet.load();
    assert_eq!((load.sessions, load.sessions_waiting, load.retired), (3, 1, 1));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn routers_that_fail_are_listed_with_since_when_how_often_and_why() {
    let site = Site::healthy(3, FleetLimits::default());
    assert!(site.fleet.gates().is_empty());
    site.device(2).set_login(Act::Err(wrong_password()));
    site.device(1).set_login(Act::Err(refused()));
    for router in 0..3 {
        get(&site.pool(router)).await.ok();
    }
    sleep(Duration::from_secs(3)).await;
    let gates = site.fleet.gates();
    let names: Vec<_> = gates.iter().map(|gate| &*gate.router).collect();
    assert_eq!(names, ["router-1", "router-2"]);
    let [refused, locked] = gates.as_slice() else { panic!("two fail") };
    assert_eq!((refused.protocol, refused.state.shut_for), (Protocol::Ssh, None));
    assert_eq!(refused.state.attempts, 2);
    assert_eq!(locked.state.error.kind(), ErrorKind::Authentication);
    assert_eq!(locked.state.shut_for, Some(Duration::from_secs(3)));
    assert_eq!(locked.state.failed_ago, Duration::from_secs(3));
    assert!(locked.state.next_try > Duration::from_secs(19), "{:?}", locked.state.next_try);
    assert_eq!(site.fleet.totals().pools.gates_shut, 1);
}

#[tokio::test(start_paused = true)]
async fn the_phases_of_logins_are_timed() {
    const LOGIN: &[(Phase, Duration)] = &[
        (Phase::Connect, Duration::from_millis(40)),
        (Phase::Authentication, Duration::from_secs(2)),
    ];
    let site = Site::healthy(1, FleetLimits::default());
    site.device(0).set_login(Act::Through(LOGIN));
    let _held = [site.get(0).await, site.get(0).await];
    let times = site.fleet.totals().login_times;
    let sums: Vec<_> = times.iter().map(|(phase, t)| (*phase, t.count, t.sum)).collect();
    let twice = |(phase, pause): &(Phase, Duration)| (*phase, 2, *pause * 2);
    assert_eq!(sums, LOGIN.iter().map(twice).collect::<Vec<_>>());
    assert_eq!(times[&Phase::Connect].within[2], 2, "50 ms is the third bound");
    assert!(site.pool(0).stats().created_total == 2);
}

/// How the gets of a worker ended, as the worker saw it: lent, too late, failed otherwise.
type Seen = [u64; 3];

/// Gets sessions of random routers until `end`, and does to them what sessions suffer.
async fn worker(site: Arc<Site>, seed: u64, end: Instant) -> Seen {
    let mut seen = Seen::default();
    let mut round = seed;
    while Instant::now() < end {
        round = round.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1);
        let dice = usize::try_from(round >> 33).unwrap();
        let pool = site.pool(dice % ROUTERS);
        let ctx = within_ms([0, 5, 50, 500][dice / ROUTERS % 4]);
        match pool.get_with_context(&ctx, Protocol::Ssh).await {
            Ok(mut lease) => {
                seen[0] += 1;
                use_once(&mut lease).await.ok();
                sleep(Duration::from_millis(round >> 59)).await;
                match dice / 16 % 8 {
                    0 => lease.discard(),
                    1 => drop(pool.rebuild(lease.slot())),
                    2 => drop(pool.evict(lease.slot())),
                    _ => {}
                }
            }
            Err(error) if error.kind() == ErrorKind::DeadlineExceeded => seen[1] += 1,
            Err(_) => seen[2] += 1,
        }
        sleep(Duration::from_millis(1)).await;
    }
    seen
}

/// More than can have a session at once, so that some wait.
const ROUTERS: usize = 5;

#[tokio::test(start_paused = true)]
async fn after_random_use_counts_agree_with_what_callers_and_devices_saw() {
    let site = Arc::new(Site::healthy(ROUTERS, sessions(7)));
    for router in 0..ROUTERS {
        let device = site.device(router);
        device.set_login(Act::After(Duration::from_millis(3)));
        device.set_farewell(Act::After(Duration::from_millis(2)));
        // One login in seven fails, on every router another one.
        let acts = (0..5_000).map(|n| match n % 7 == router {
            true => Act::Err(refused()),
            false => Act::After(Duration::from_millis(3)),
        });
        device.next_logins(acts);
    }
    site.device(0).clear_next_logins();
    site.device(0).set_login(Act::Err(wrong_password()));
    let end = Instant::now() + Duration::from_secs(20);
    let workers = (1..=24).map(|seed| tokio::spawn(worker(site.clone(), seed, end)));
    let mut seen = Seen::default();
    for worker in workers.collect::<Vec<_>>() {
        let of_one = worker.await.unwrap();
        seen.iter_mut().zip(of_one).for_each(|(sum, count)| *sum += count);
    }
    // Until what is under way for callers that gave up has ended, too.
    sleep(Duration::from_secs(1)).await;
    let pools = site.fleet.totals().pools;
    let counted = [pools.get_success_total, pools.get_timeout_total, pools.get_failed_total];
    assert_eq!(counted, seen);
    assert!(seen.iter().all(|count| *count > 100), "all of it happened: {seen:?}");
    assert_eq!(pools.get_canceled_total, 0);
    let logins = u64::try_from(site.logins().len()).unwrap();
    assert_eq!(pools.created_total + pools.create_failed_total, logins);
    assert_agree(&site);
    site.fleet.close(&long()).await;
    assert_agree(&site);
    assert_eq!(site.live(), 0);
}
