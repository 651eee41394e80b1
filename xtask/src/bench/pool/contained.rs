use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use pool::{Fleet, Pool, PoolOptions};
use pool_core::{
    Capability, ConnectionConfig, ConnectionPool, Context, Credentials, Endpoint, PlatformSupport,
    Protocol, ProtocolDriver, ProtocolFactory, Request, Transcript,
};
use tokio::time::{Instant, sleep};

use super::super::report::{Row, Target};
use super::super::rounds::{interleave, quantile};
use super::{bounded, two_threads};

const ROUNDS: usize = 21;
const SICK: &str = "192.0.2.1";
const WELL: &str = "192.0.2.2";
/// One session of the sick router for each way to hang.
const SICK_SESSIONS: usize = 4;
/// Callers that wait for the sick router all the time.
const SICK_CALLERS: usize = 32;
const GETS: usize = 20_000;
/// Sessions that are idle for longer are tested. Long enough that the well router's, which are in
/// use all the time, are not.
const CHECK_WHEN_IDLE_FOR: Duration = Duration::from_millis(40);

/// What a router that hangs in everything at once (a login, a test, a command, a logout) costs
/// another one of the same fleet: the other's `get`, beside what it is without the sick router.
pub(super) fn row() -> Result<Row> {
    let contestants = [Box::new(|| p99(true)) as _, Box::new(|| p99(false)) as _];
    let figures = interleave(ROUNDS, &contestants)?;
    Ok(Row {
        bench: "pool",
        case: "get-p99-beside-a-hung-router".into(),
        unit: "ns",
        ours: figures[0][0],
        floor: figures[1][0],
        peers: [].into(),
        target: Some(Target::TimesFloorMax(1.2)),
    })
}

fn p99(with_sick: bool) -> Result<Vec<f64>> {
    bounded(&two_threads()?, async {
        let mut options = PoolOptions::default();
        options.check_when_idle_for = CHECK_WHEN_IDLE_FOR;
        let fleet = Fleet::new(vec![Arc::new(Routers::default())]).with_options(options)?;
        let sick = if with_sick { Some(hang(&fleet).await?) } else { None };
        let pool = fleet.pool("well", &config(WELL))?;
        let mut waits = Vec::with_capacity(GETS);
        for _ in 0..GETS {
            let asked = Instant::now();
            let lease = pool.acquire(&patient(), Protocol::Scrapli).await?;
            waits.push(asked.elapsed().as_secs_f64() * 1e9);
            drop(lease);
        }
        ensure!(sick.is_none_or(|sick| hangs_in_all(&sick)), "the sick router came to itself");
        Ok(vec![quantile(waits.into_iter(), 0.99)])
    })?
}

/// A pool that is stuck in everything that it does for its router.
async fn hang(fleet: &Fleet) -> Result<Arc<Pool>> {
    let pool = fleet.pool("sick", &config(SICK))?;
    let mut leases = Vec::new();
    for _ in 1..SICK_SESSIONS {
        leases.push(pool.acquire(&patient(), Protocol::Scrapli).await?);
    }
    if let Some(mut busy) = leases.pop() {
        drop(tokio::spawn(async move {
            let request = Request::command("show version").expect("it is a command");
            drop(busy.execute(&patient(), &request).await);
        }));
    }
    if let Some(mut unwanted) = leases.pop() {
        unwanted.discard();
    }
    drop(leases);
    sleep(2 * CHECK_WHEN_IDLE_FOR).await;
    for _ in 0..SICK_CALLERS {
        let pool = pool.clone();
        drop(tokio::spawn(async move {
            drop(pool.acquire(&patient(), Protocol::Scrapli).await);
        }));
    }
    while !hangs_in_all(&pool) {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(pool)
}

fn hangs_in_all(pool: &Pool) -> bool {
    let stats = pool.stats();
    [stats.in_use, stats.checking, stats.closing, stats.creating] == [1; SICK_SESSIONS]
}

fn patient() -> Context {
    Context::detached(super::ours::DEADLINE)
}

fn config(host: &str) -> ConnectionConfig {
    let endpoint = Endpoint::new(host, 22).expect("it is an address");
    let user = Credentials::password("monitor", "secret".to_owned());
    let mut config = ConnectionConfig::new(endpoint, "toy".into(), user);
    config.max_connections = SICK_SESSIONS;
    config
}

/// Two routers: one works, the other only until its sessions are made that are to hang.
#[derive(Debug)]
struct Routers {
    capability: Capability,
    sick_logins: AtomicUsize,
}

impl Default for Routers {
    fn default() -> Self {
        let (protocol, platforms) = (Protocol::Scrapli, PlatformSupport::Any);
        let capability = Capability { protocol, platforms, interrupt: false };
        Self { capability, sick_logins: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl ProtocolFactory for Routers {
    fn protocol(&self) -> Protocol {
        self.capability.protocol
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_with_context(
        &self,
        _: &Context,
        config: &ConnectionConfig,
    ) -> pool_core::Result<Box<dyn ProtocolDriver>> {
        let sick = config.endpoint.host() == SICK;
        if sick && self.sick_logins.fetch_add(1, Ordering::Relaxed) + 1 >= SICK_SESSIONS {
            std::future::pending::<()>().await;
        }
        Ok(Box::new(Session { sick }))
    }
}

#[derive(Debug)]
struct Session {
    sick: bool,
}

impl Session {
    async fn answer<T: Default>(&self) -> pool_core::Result<T> {
        if self.sick {
            std::future::pending::<()>().await;
        }
        Ok(T::default())
    }
}

#[async_trait]
impl ProtocolDriver for Session {
    fn protocol(&self) -> Protocol {
        Protocol::Scrapli
    }

    async fn execute(&mut self, _: &Context, _: &Request) -> pool_core::Result<Transcript> {
        self.answer().await
    }

    async fn health_check(&mut self, _: &Context) -> pool_core::Result<()> {
        self.answer().await
    }

    async fn close(self: Box<Self>, _: &Context) -> pool_core::Result<()> {
        self.answer().await
    }
}
