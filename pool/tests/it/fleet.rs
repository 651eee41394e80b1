//! Many routers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pool::{Fleet, PoolOptions};
use pool_core::{
    Capability, ConnectionConfig, ConnectionPool, Context, ErrorKind, Phase, PlatformSupport,
    Protocol, ProtocolDriver, ProtocolFactory, Result,
};
use tokio::time::Instant;

use crate::support::*;

/// A factory for several devices, told apart by their host.
#[derive(Debug)]
struct Network {
    capability: Capability,
    devices: Vec<(&'static str, Arc<dyn ProtocolFactory>)>,
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
        let host = config.endpoint.host();
        let (_, device) = self.devices.iter().find(|(known, _)| *known == host).unwrap();
        device.create_with_context(ctx, config).await
    }
}

const A: &str = "192.0.2.1";
const B: &str = "198.51.100.1";

fn fleet(a: &Arc<Device>, b: &Arc<Device>) -> Fleet {
    let capability =
        Capability { protocol: Protocol::Ssh, platforms: PlatformSupport::Any, interrupt: false };
    let devices = vec![(A, factory(a)), (B, factory(b))];
    Fleet::new(vec![Arc::new(Network { capability, devices })])
}

fn config_of(host: &str) -> ConnectionConfig {
    let mut config = config(2);
    config.endpoint = pool_core::Endpoint::new(host, 22).unwrap();
    config
}

#[tokio::test(start_paused = true)]
async fn the_same_configuration_gives_the_same_pool() {
    let fleet = fleet(&Device::healthy(), &Device::healthy());
    let first = fleet.pool("a", &config_of(A)).unwrap();
    assert!(Arc::ptr_eq(&first, &fleet.pool("a", &config_of(A)).unwrap()));
    assert!(!Arc::ptr_eq(&first, &fleet.pool("b", &config_of(B)).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_changed_configuration_retires_the_old_pool_and_lets_its_leases_finish() {
    let device = Device::healthy();
    let fleet = fleet(&device, &Device::healthy());
    let old = fleet.pool("a", &config_of(A)).unwrap();
    let mut lease = get(&old).await.unwrap();
    drop(get(&old).await.unwrap());
    let mut changed = config_of(A);
    changed.read_timeout += Duration::from_secs(1);
    let new = fleet.pool("a", &changed).unwrap();
    assert_eq!(get(&old).await.unwrap_err().kind(), ErrorKind::Closed);
    use_once(&mut lease).await.expect("what is lent finishes");
    drop(lease);
    until(|| old.is_drained()).await;
    get(&new).await.unwrap();
    assert_eq!(device.farewells(), 2);
    assert_eq!(fleet.stats().len(), 1, "the old one is not counted");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_makes_the_same_sessions_is_taken_over_with_those_that_are_there() {
    let device = Device::healthy();
    let fleet = fleet(&device, &Device::healthy());
    let pool = fleet.pool("a", &config_of(A)).unwrap();
    let mut held = get(&pool).await.unwrap();
    let mut changed = config_of(A);
    changed.max_connections = 1;
    (changed.retry_max_attempts, changed.connect_timeout) = (1, Duration::from_secs(3));
    assert!(Arc::ptr_eq(&pool, &fleet.pool("a", &changed).unwrap()));
    assert_eq!(*pool.config(), changed);
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { get(&pool).await.unwrap().info().reused }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pool.stats().waiting, 1, "there is room for one");
    use_once(&mut held).await.unwrap();
    drop(held);
    assert!(waiting.await.unwrap());
    assert_eq!((device.live(), device.farewells()), (1, 0));
    // The room is there again, for who waits as well.
    let _held = get(&pool).await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { get(&pool).await.unwrap().info().reused }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pool.stats().waiting, 1);
    fleet.pool("a", &config_of(A)).unwrap();
    assert!(!waiting.await.unwrap(), "a session was made for it");
    let mut broken = config_of(A);
    broken.max_connections = 0;
    assert_eq!(fleet.pool("a", &broken).unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(*pool.config(), config_of(A));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_leaves_loses_its_pool() {
    let device = Device::healthy();
    let fleet = fleet(&device, &Device::healthy());
    drop(get(&fleet.pool("a", &config_of(A)).unwrap()).await.unwrap());
    fleet.retire("a");
    fleet.retire("a");
    assert!(fleet.stats().is_empty());
    until(|| device.live() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn close_closes_all_pools_at_once() {
    let (a, b) = (Device::healthy(), Device::healthy());
    a.set_farewell(Act::After(Duration::from_secs(1)));
    b.set_farewell(Act::After(Duration::from_secs(1)));
    let fleet = fleet(&a, &b);
    drop(get(&fleet.pool("a", &config_of(A)).unwrap()).await.unwrap());
    drop(get(&fleet.pool("b", &config_of(B)).unwrap()).await.unwrap());
    let before = Instant::now();
    fleet.close(&long()).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert_eq!((a.live(), b.live()), (0, 0));
    assert_eq!(fleet.pool("a", &config_of(A)).unwrap_err().kind(), ErrorKind::Closed);
    fleet.close(&long()).await;
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_retired_pools_too() {
    let device = Device::healthy();
    device.set_farewell(Act::After(Duration::from_secs(2)));
    let fleet = fleet(&device, &Device::healthy());
    drop(get(&fleet.pool("a", &config_of(A)).unwrap()).await.unwrap());
    fleet.retire("a");
    fleet.close(&long()).await;
    assert_eq!(device.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_are_swept_away_and_lost_ones_replaced() {
    let (a, b) = (Device::healthy(), Device::healthy());
    let fleet = fleet(&a, &b);
    let mut keeps_one = config_of(A);
    keeps_one.min_connections = 1;
    let pool = fleet.pool("a", &keeps_one).unwrap();
    drop([get(&pool).await.unwrap(), get(&pool).await.unwrap()]);
    drop(get(&fleet.pool("b", &config_of(B)).unwrap()).await.unwrap());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((a.live(), b.live()), (1, 0));
    let mut lease = get(&pool).await.unwrap();
    lease.discard();
    drop(lease);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((a.live(), pool.stats().idle), (1, 1), "replaced though nobody waits");
}

#[tokio::test(start_paused = true)]
async fn the_pools_of_a_fleet_behave_by_its_options() {
    let (a, b) = (Device::healthy(), Device::healthy());
    let mut options = PoolOptions::default();
    options.idle_max = Duration::from_secs(3600);
    let fleet = fleet(&a, &b).with_options(options).unwrap();
    let mut keeps_none = config_of(A);
    keeps_none.min_connections = 0;
    drop(get(&fleet.pool("a", &keeps_none).unwrap()).await.unwrap());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(a.live(), 1, "not swept away after the usual five minutes");

    let mut wrong = PoolOptions::default();
    wrong.gate_failures = 0;
    assert_eq!(fleet.with_options(wrong).unwrap_err().kind(), ErrorKind::InvalidConfig);
}

#[tokio::test(start_paused = true)]
async fn short_times_are_kept_to_as_well_as_long_ones() {
    let (a, b) = (Device::healthy(), Device::healthy());
    let mut options = PoolOptions::default();
    options.idle_max = Duration::from_millis(400);
    let fleet = fleet(&a, &b).with_options(options).unwrap();
    let mut keeps_none = config_of(A);
    keeps_none.min_connections = 0;
    drop(get(&fleet.pool("a", &keeps_none).unwrap()).await.unwrap());
    let returned = Instant::now();
    while a.live() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A quarter for the jitter, and a quarter for the sweep.
    let waited = returned.elapsed().as_millis();
    assert!((300..=610).contains(&waited), "{waited} ms");
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_ends_with_its_fleet() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (dropped, closed) = (
        fleet(&Device::healthy(), &Device::healthy()),
        fleet(&Device::healthy(), &Device::healthy()),
    );
    for fleet in [&dropped, &closed] {
        drop(get(&fleet.pool("a", &config_of(A)).unwrap()).await.unwrap());
    }
    // One each, and none for an idle pool, once the tasks that made the sessions have ended.
    until(|| tasks() == before + 2).await;
    drop(dropped);
    closed.close(&long()).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_hangs_in_login_test_command_and_logout_at_once_costs_another_nothing() {
    let (a, b) = (Device::healthy(), Device::healthy());
    let fleet = Arc::new(fleet(&a, &b));
    let mut of_four = config_of(A);
    of_four.max_connections = 4;
    let sick = fleet.pool("a", &of_four).unwrap();
    let mut leases = Vec::new();
    for _ in 0..3 {
        leases.push(get(&sick).await.unwrap());
    }
    a.set_login(Act::Hang(Phase::Banner));
    a.set_health(Act::Hang(Phase::HealthCheck));
    a.set_command(Act::Hang(Phase::Read));
    a.set_farewell(Act::Hang(Phase::Close));
    let (mut farewell, mut command) = (leases.pop().unwrap(), leases.pop().unwrap());
    drop(leases);
    tokio::time::sleep(Duration::from_secs(40)).await;
    farewell.discard();
    drop(farewell);
    let mut callers = vec![tokio::spawn(async move { use_once(&mut command).await.map(drop) })];
    for _ in 0..50 {
        let sick = sick.clone();
        callers.push(tokio::spawn(async move { get(&sick).await.map(drop) }));
    }
    until(|| sick.stats().waiting == 50).await;
    let stats = sick.stats();
    let hanging = (stats.creating, stats.checking, stats.in_use, stats.closing);
    assert_eq!(hanging, (1, 1, 1, 1), "one in each");
    let before = Instant::now();
    for _ in 0..1000 {
        let pool = fleet.pool("b", &config_of(B)).unwrap();
        let mut lease = pool.get_with_context(&within_ms(1), Protocol::Ssh).await.unwrap();
        use_once(&mut lease).await.unwrap();
    }
    assert_eq!(before.elapsed(), Duration::ZERO, "no time passed for it");
    assert_eq!(sick.stats().waiting, 50);
    callers.iter().for_each(tokio::task::JoinHandle::abort);
    fleet.close(&long()).await;
    assert_eq!((a.live(), b.live()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_hangs_everywhere_costs_another_nothing() {
    let (a, b) = (Device::logging_in(Act::Hang(Phase::Banner)), Device::healthy());
    a.next_logins([Act::Ok, Act::Ok]);
    a.set_command(Act::Hang(Phase::Read));
    a.set_farewell(Act::Hang(Phase::Close));
    let fleet = Arc::new(fleet(&a, &b));
    let sick = fleet.pool("a", &config_of(A)).unwrap();
    let mut sick_callers = Vec::new();
    for _ in 0..50 {
        let sick = sick.clone();
        sick_callers.push(tokio::spawn(async move {
            let mut lease = get(&sick).await?;
            use_once(&mut lease).await
        }));
    }
    until(|| sick.stats().waiting == 48).await;
    let before = Instant::now();
    for _ in 0..1000 {
        let pool = fleet.pool("b", &config_of(B)).unwrap();
        let mut lease = pool.get_with_context(&within_ms(1), Protocol::Ssh).await.unwrap();
        use_once(&mut lease).await.unwrap();
    }
    assert_eq!(before.elapsed(), Duration::ZERO, "no time passed for it");
    sick_callers.iter().for_each(tokio::task::JoinHandle::abort);
    fleet.close(&long()).await;
    assert_eq!((a.live(), b.live()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn other_options_take_effect_on_sessions_that_are_there() {
    let (a, b) = (Device::healthy(), Device::healthy());
    let fleet = fleet(&a, &b);
    let pool = fleet.pool("a", &config_of(A)).unwrap();
    drop(get(&pool).await.unwrap());
    assert_eq!(pool.stats().idle, 1);
    let mut options = PoolOptions::default();
    options.idle_max = Duration::ZERO;
    assert!(fleet.set_options(options.clone()).is_err());
    options.idle_max = Duration::from_secs(1);
    fleet.set_options(options).unwrap();
    assert_eq!(pool.stats().idle, 1, "it stays for now");
    tokio::time::sleep(Duration::from_secs(32)).await;
    assert_eq!((pool.stats().idle, a.logins()), (0, 1));
    assert!(Arc::ptr_eq(&pool, &fleet.pool("a", &config_of(A)).unwrap()));
}
