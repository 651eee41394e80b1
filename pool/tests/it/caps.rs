//! What the routers of a fleet may have together.

use std::error::Error as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pool::{Fleet, FleetLimits, Pool};
use pool_core::{
    Capability, ConnectionConfig, ConnectionPool, Context, Endpoint, Error, ErrorKind, Lease,
    Phase, PlatformSupport, Protocol, ProtocolDriver, ProtocolFactory, Result,
};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// Devices by the number in their host name, and when which of them was logged in to.
#[derive(Debug)]
struct Network {
    capability: Capability,
    devices: Vec<Arc<Device>>,
    logins: Mutex<Vec<(usize, Instant)>>,
    /// All devices together.
    live_max: AtomicUsize,
}

#[async_trait]
impl ProtocolFactory for Network {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let number: usize = config.endpoint.host().trim_start_matches("router-").parse().unwrap();
        self.logins.lock().push((number, Instant::now()));
        let live = self.devices.iter().map(|device| device.live()).sum::<usize>() + 1;
        self.live_max.fetch_max(live, SeqCst);
        factory(&self.devices[number]).create_with_context(ctx, config).await
    }
}

/// A fleet and its devices.
struct Site {
    network: Arc<Network>,
    fleet: Fleet,
}

impl Site {
    fn new(devices: Vec<Arc<Device>>, limits: FleetLimits) -> Self {
        let capability = Capability {
            protocol: Protocol::Ssh,
            platforms: PlatformSupport::Any,
            interrupt: false,
        };
        let (logins, live_max) = (Mutex::default(), AtomicUsize::new(0));
        let network = Arc::new(Network { capability, devices, logins, live_max });
        let fleet = Fleet::with_limits(vec![network.clone()], limits);
        Self { network, fleet }
    }

    fn healthy(count: usize, limits: FleetLimits) -> Self {
        Self::new((0..count).map(|_| Device::healthy()).collect(), limits)
    }

    fn device(&self, number: usize) -> &Device {
        &self.network.devices[number]
    }

    fn config(number: usize) -> ConnectionConfig {
        let mut config = config(2);
        config.endpoint = Endpoint::new(format!("router-{number}"), 22).unwrap();
        config
    }

    fn pool(&self, number: usize) -> Arc<Pool> {
        self.fleet.pool(&format!("router-{number}"), &Self::config(number)).unwrap()
    }

    async fn get(&self, number: usize) -> Lease {
        get(&self.pool(number)).await.unwrap()
    }

    /// Which routers were logged in to, in order.
    fn logins(&self) -> Vec<usize> {
        self.network.logins.lock().iter().map(|(number, _)| *number).collect()
    }

    fn live(&self) -> usize {
        self.network.devices.iter().map(|device| device.live()).sum()
    }
}

fn sessions(max: usize) -> FleetLimits {
    FleetLimits { sessions_max: NonZeroUsize::new(max), ..FleetLimits::default() }
}

fn in_flight(max: usize) -> FleetLimits {
    FleetLimits { logins_in_flight_max: NonZeroUsize::new(max), ..FleetLimits::default() }
}

fn per_second(rate: u32) -> FleetLimits {
    FleetLimits { logins_per_second: NonZeroU32::new(rate), ..FleetLimits::default() }
}

/// Waits until tasks of the fleet have done what they can without time passing.
async fn calm() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

async fn all_queued(pool: &Arc<Pool>, count: usize) -> Vec<JoinHandle<Result<Lease>>> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        tasks.push(queued(pool).await);
    }
    tasks
}

/// The cause of a deadline that passed in the pool.
#[track_caller]
fn cause(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
    assert_eq!(error.phase(), Some(Phase::Acquire));
    error.source().expect("why it waited").to_string()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_routers_never_have_more_sessions_than_allowed_and_all_are_served() {
    let site = Arc::new(Site::healthy(1000, sessions(50)));
    for device in &site.network.devices {
        device.set_login(Act::After(Duration::from_millis(20)));
        device.set_farewell(Act::After(Duration::from_millis(20)));
    }
    let mut checks = JoinSet::new();
    for number in (0..1000).chain(0..1000) {
        let site = site.clone();
        checks.spawn(async move {
            let mut lease = site.get(number).await;
            sleep(Duration::from_millis(u64::try_from(number % 7).unwrap())).await;
            use_once(&mut lease).await.unwrap();
        });
    }
    while let Some(check) = checks.join_next().await {
        check.unwrap();
        assert!(site.live() <= 50, "{} sessions", site.live());
    }
    assert_eq!(site.network.live_max.load(SeqCst), 50, "all of them are used, and not one more");
    site.fleet.close(&long()).await;
    assert_eq!(site.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_session_elsewhere_makes_room() {
    let site = Site::healthy(4, sessions(3));
    for number in [1, 0, 2] {
        drop(site.get(number).await);
        sleep(Duration::from_secs(1)).await;
    }
    let held = site.get(3).await;
    let live: Vec<_> = (0..4).map(|number| site.device(number).live()).collect();
    assert_eq!(live, [1, 0, 1, 1], "the first to become idle had to go");
    assert_eq!(site.device(1).farewells(), 1, "in an orderly way");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_is_never_evicted_and_the_caller_is_told_why_it_waits() {
    let site = Site::healthy(3, sessions(2));
    let (mut first, _second) = (site.get(0).await, site.get(1).await);
    let third = site.pool(2);
    let error = third.get_with_context(&within_ms(500), Protocol::Ssh).await.unwrap_err();
    let cause = cause(&error);
    assert_eq!(
        cause,
        "the device is busy in phase acquire: the fleet's limit of 2 sessions over all routers is \
         reached"
    );
    use_once(&mut first).await.expect("it was left alone");
    let waiter = queued(&third).await;
    calm().await;
    assert_eq!(site.logins(), [0, 1]);
    drop(first);
    waiter.await.unwrap().expect("a session that comes back makes room");
    let stats = third.stats();
    assert_eq!((stats.create_failed_total, stats.created_total), (0, 1), "no fault of the device");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_for_a_caller_that_gave_up() {
    let site = Site::healthy(3, sessions(2));
    let (first, _second) = (site.get(0).await, site.get(1).await);
    let gone = queued(&site.pool(2)).await;
    calm().await;
    gone.abort();
    drop(gone.await);
    drop(first);
    calm().await;
    assert_eq!((site.device(0).live(), site.device(0).farewells()), (1, 0));
    assert_eq!(site.pool(2).stats().creating, 0, "the attempt was withdrawn");
    drop(site.get(2).await);
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_evicts_one_session_and_not_more() {
    let site = Site::healthy(5, sessions(4));
    for number in 0..4 {
        site.device(number).set_farewell(Act::After(Duration::from_secs(1)));
        drop(site.get(number).await);
    }
    let waiter = queued(&site.pool(4)).await;
    calm().await;
    drop([site.get(1).await, site.get(2).await, site.get(3).await]);
    waiter.await.unwrap().unwrap();
    assert_eq!(site.network.devices.iter().map(|d| d.farewells()).sum::<u64>(), 1);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_nobody_waits_for_are_not_made_at_the_cost_of_others() {
    let site = Site::healthy(2, sessions(1));
    drop(site.get(0).await);
    let report = site.pool(1).warm_up(&long(), Protocol::Ssh, 1).await.unwrap();
    assert_eq!((report.ready, report.failures[0].kind()), (0, ErrorKind::Busy));
    assert_eq!((site.device(0).live(), site.device(1).logins()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn routers_take_turns_for_sessions() {
    let site = Site::healthy(11, sessions(1));
    let held = site.get(10).await;
    let mut wide = Site::config(0);
    wide.max_connections = 100;
    let greedy = site.fleet.pool("router-0", &wide).unwrap();
    let mut checks = JoinSet::new();
    let check = |pool: Arc<Pool>| async move { get(&pool).await.unwrap().discard() };
    (0..100).for_each(|_| drop(checks.spawn(check(greedy.clone()))));
    until(|| greedy.stats().waiting == 100).await;
    (1..10).for_each(|number| drop(checks.spawn(check(site.pool(number)))));
    calm().await;
    drop(held);
    while let Some(check) = checks.join_next().await {
        check.unwrap();
    }
    let logins = site.logins();
    assert_eq!(logins[..12], [10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], "one round, and then the rest");
    assert_eq!(logins.len(), 110);
}

#[tokio::test(start_paused = true)]
async fn a_storm_over_a_hundred_routers_keeps_to_the_logins_in_flight() {
    let site = Arc::new(Site::healthy(100, in_flight(4)));
    for device in &site.network.devices {
        device.set_login(Act::After(Duration::from_secs(1)));
    }
    let before = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let pool = site.pool(number);
        callers.spawn(async move { get(&pool).await.unwrap() });
    }
    while let Some(lease) = callers.join_next().await {
        drop(lease.unwrap());
    }
    assert_eq!(before.elapsed(), Duration::from_secs(25), "100 logins of a second, 4 at once");
    let begun: Vec<_> = site.network.logins.lock().iter().map(|(_, at)| *at).collect();
    assert!(begun.windows(5).all(|five| five[4] - five[0] >= Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn one_router_under_a_storm_of_a_hundred_callers_logs_in_as_often_as_it_has_room() {
    let site = Site::healthy(1, in_flight(1));
    site.device(0).set_login(Act::After(Duration::from_secs(1)));
    let pool = site.pool(0);
    let callers = all_queued(&pool, 100).await;
    calm().await;
    let under_way = (pool.stats().creating, site.device(0).live());
    assert_eq!(under_way, (2, 1), "one logs in, and one waits for its turn");
    for caller in callers {
        drop(caller.await.unwrap().unwrap());
    }
    assert_eq!(site.device(0).logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_hangs_with_all_permits_delays_others_by_one_connect_timeout_at_most() {
    let site = Site::healthy(3, in_flight(2));
    site.device(0).set_login(Act::Hang(Phase::Banner));
    let hanging = all_queued(&site.pool(0), 50).await;
    calm().await;
    assert_eq!(site.device(0).live(), 2, "it has all permits");
    let before = Instant::now();
    let others = [queued(&site.pool(1)).await, queued(&site.pool(2)).await];
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(before.elapsed(), Site::config(0).connect_timeout);
    hanging.iter().for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_login_is_no_failure_of_the_router_and_takes_nothing_from_its_time() {
    let site = Site::healthy(2, in_flight(1));
    site.device(0).set_login(Act::After(Duration::from_secs(29)));
    site.device(1).set_login(Act::After(Duration::from_secs(29)));
    let slow = queued(&site.pool(0)).await;
    calm().await;
    let pool = site.pool(1);
    let error = pool.get_with_context(&within_ms(5000), Protocol::Ssh).await.unwrap_err();
    let cause = cause(&error);
    assert!(cause.ends_with("the fleet's limit of 1 logins at once over all routers is reached"));
    let lease = get(&pool).await.expect("it has its 30 seconds once it may begin");
    assert_eq!(lease.info().connect, Some(Duration::from_secs(29)));
    assert_eq!((pool.stats().create_failed_total, site.device(1).logins()), (0, 1));
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn logins_begin_no_faster_than_the_rate() {
    let site = Arc::new(Site::healthy(50, per_second(10)));
    let before = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..50 {
        let pool = site.pool(number);
        callers.spawn(async move { drop(get(&pool).await.unwrap()) });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(before.elapsed(), Duration::from_millis(4900));
    let begun: Vec<_> = site.network.logins.lock().iter().map(|(_, at)| *at).collect();
    let early = begun.windows(2).any(|two| two[1] - two[0] < Duration::from_millis(100));
    assert!(!early, "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn closing_the_fleet_ends_those_who_queue_for_a_login() {
    let site = Site::healthy(3, in_flight(1));
    site.device(0).set_login(Act::Hang(Phase::Banner));
    let mut callers = Vec::new();
    for number in 0..3 {
        callers.extend(all_queued(&site.pool(number), 2).await);
    }
    calm().await;
    let before = Instant::now();
    site.fleet.close(&long()).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }
    assert_eq!((site.live(), site.logins().as_slice()), (0, &[0][..]), "none began after that");
}

#[tokio::test(start_paused = true)]
async fn a_login_that_panics_gives_its_permit_and_its_seat_back() {
    let limits = FleetLimits { sessions_max: NonZeroUsize::new(1), ..in_flight(1) };
    let site = Site::healthy(2, limits);
    site.device(0).set_login(Act::Panic);
    assert_eq!(get(&site.pool(0)).await.unwrap_err().kind(), ErrorKind::Local);
    drop(site.get(1).await);
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

#[tokio::test(start_paused = true)]
async fn the_pools_before_and_after_a_change_keep_to_the_devices_sessions_together() {
    let site = Site::healthy(1, FleetLimits::default());
    let old = site.pool(0);
    let (first, second) = (get(&old).await.unwrap(), get(&old).await.unwrap());
    let mut changed = Site::config(0);
    changed.read_timeout = Duration::from_secs(7);
    let new = site.fleet.pool("router-0", &changed).unwrap();
    let error = new.get_with_context(&within_ms(300), Protocol::Ssh).await.unwrap_err();
    let cause = cause(&error);
    assert!(cause.contains("all 2 sessions of the device are taken"), "{cause}");
    let waiters = all_queued(&new, 2).await;
    calm().await;
    assert_eq!(site.device(0).live(), 2);
    drop(first);
    drop(second);
    for waiter in waiters {
        drop(waiter.await.unwrap().unwrap());
    }
    assert_eq!((site.device(0).live_max(), new.stats().create_failed_total), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_leaves_and_comes_back_keeps_to_the_devices_sessions() {
    let site = Site::healthy(1, FleetLimits::default());
    site.device(0).set_farewell(Act::After(Duration::from_secs(1)));
    drop([site.get(0).await, site.get(0).await]);
    site.fleet.retire("router-0");
    let before = Instant::now();
    let lease = site.get(0).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1), "until the old sessions were closed");
    assert_eq!(site.device(0).live_max(), 2);
    drop(lease);
}
