use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pool_core::{
    ConfigProblem, ConnectionConfig, ConnectionPool, Context, Error, EventStream, Lease, Phase,
    PoolEvent, PoolStats, Protocol, ProtocolFactory, Result, SlotId, WarmUpReport,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::core::Limits;
use crate::shared::{Core, Shared};
use crate::{GateState, PoolOptions};

/// The sessions of one router.
///
/// See the [crate documentation](crate) for what it promises. Dropping the pool closes it, as
/// [`close`](ConnectionPool::close) does, but waits for nothing.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// A pool without a session. The first [`get_with_context`](ConnectionPool::get_with_context)
    /// makes one.
    ///
    /// `name` is the router's, for errors and logs. There is one factory for each protocol; the
    /// sessions of all protocols together count against `max_connections`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] for a configuration that does not
    /// [validate](ConnectionConfig::validate) or for two factories of one protocol;
    /// [`Error::Local`] outside a tokio runtime, which the pool's tasks need.
    pub fn new(
        name: impl Into<Arc<str>>,
        config: impl Into<Arc<ConnectionConfig>>,
        factories: Vec<Arc<dyn ProtocolFactory>>,
    ) -> Result<Arc<Self>> {
        Self::with_options(name, config, factories, default_options())
    }

    /// As [`new`](Self::new), with other than the default options. What many pools have in common
    /// can be shared among them.
    ///
    /// # Errors
    ///
    /// As `new`, and [`Error::InvalidConfig`] for options that do not
    /// [validate](PoolOptions::validate).
    pub fn with_options(
        name: impl Into<Arc<str>>,
        config: impl Into<Arc<ConnectionConfig>>,
        factories: impl Into<Arc<[Arc<dyn ProtocolFactory>]>>,
        options: impl Into<Arc<PoolOptions>>,
    ) -> Result<Arc<Self>> {
        let (config, factories, options) = (config.into(), factories.into(), options.into());
        config.validate()?;
        options.validate()?;
        one_each(&factories)?;
        let runtime = Handle::try_current().map_err(|error| Error::Local {
            phase: Phase::Acquire,
            message: format!("a pool must be made inside a runtime: {error}"),
        })?;
        let shared = Shared::new(name.into(), factories, Limits::new(config, options), runtime);
        Ok(Arc::new(Self { shared }))
    }

    /// What the pool has in common with its tasks.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The router's name.
    pub fn name(&self) -> &Arc<str> {
        &self.shared.name
    }

    /// What the pool goes by: what it was made with, and how many sessions it may have
    /// [by now](Self::resize).
    pub fn config(&self) -> Arc<ConnectionConfig> {
        self.shared.core().config()
    }

    /// As [`get_with_context`](ConnectionPool::get_with_context), and notes where it was called:
    /// a lease that is held for too long is reported with that place. (Through the trait the place
    /// is not known; the report then has none.)
    ///
    /// # Errors
    ///
    /// As `get_with_context`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as `get_with_context`.
    #[track_caller]
    pub fn acquire<'a>(
        &'a self,
        ctx: &'a Context,
        protocol: Protocol,
    ) -> impl Future<Output = Result<Lease>> + Send + 'a {
        self.shared.acquire(ctx, protocol, Some(Location::caller()))
    }

    /// How making sessions of `protocol` fails; `None` if the latest attempt succeeded, if none
    /// was made yet, or for a protocol without a factory.
    pub fn gate(&self, protocol: Protocol) -> Option<GateState> {
        let lane = self.shared.lane(protocol).ok()?;
        self.shared.core().gate(Instant::now(), lane)
    }

    /// Closes sessions that nobody has wanted for some minutes, and replaces those that were lost,
    /// so that `min_connections` remain. Returns at once; the rest happens in the background.
    ///
    /// A [`Fleet`](crate::Fleet) calls this for its pools from time to time. Whoever keeps a pool
    /// without a fleet does so, or its idle sessions stay until the device ends them.
    pub fn sweep(&self) {
        self.shared.apply(Core::sweep);
    }

    /// Replaces one session by a new one, as soon as it can be spared, within the share that the
    /// [policy](crate::RebuildPolicy) allows at a time. Returns whether there is such a session.
    ///
    /// Where nothing calls [`sweep`](Self::sweep), a replacement that fails is not tried again.
    pub fn rebuild(&self, slot: SlotId) -> bool {
        self.demand_rebuild(|other, _| other == slot) > 0
    }

    /// As [`rebuild`](Self::rebuild), for all sessions of a protocol. Returns how many there are.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a protocol without a factory.
    pub fn rebuild_protocol(&self, protocol: Protocol) -> Result<usize> {
        let lane = self.shared.lane(protocol)?;
        Ok(self.demand_rebuild(|_, other| other == lane))
    }

    /// As [`rebuild`](Self::rebuild), for all sessions. Returns how many there are.
    pub fn rebuild_all(&self) -> usize {
        self.demand_rebuild(|_, _| true)
    }

    /// Closes one session: now if it is idle, or else when it comes back. Returns whether there is
    /// such a session. If that leaves less than `min_connections`, a new one is made.
    pub fn evict(&self, slot: SlotId) -> bool {
        self.evict_where(|other| other == slot) > 0
    }

    /// As [`evict`](Self::evict), for all sessions. Returns how many there are.
    pub fn evict_all(&self) -> usize {
        self.evict_where(|_| true)
    }

    fn evict_where(&self, meant: impl Fn(SlotId) -> bool) -> usize {
        let (count, actions) = self.shared.core().evict_all(Instant::now(), meant);
        self.shared.perform(actions);
        count
    }

    /// Allows more or fewer sessions, which [`config`](Self::config) then says as well. Sessions beyond the new limit are closed: idle ones now, those in use when they come back.
    /// `min_connections` is lowered to the limit if need be.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] for a number that the configuration could not have either.
    pub fn resize(&self, max_connections: usize) -> Result<()> {
        let mut config = (*self.shared.config()).clone();
        config.max_connections = max_connections;
        config.min_connections = config.min_connections.min(max_connections);
        config.validate()?;
        if let Some(member) = self.shared.member.get() {
            member.device().set_max(max_connections);
        }
        let min = config.min_connections;
        self.shared.apply(|core, now| core.resize(now, max_connections, min));
        Ok(())
    }

    fn demand_rebuild(&self, meant: impl Fn(SlotId, usize) -> bool) -> usize {
        let (count, actions) = self.shared.core().demand_rebuild(Instant::now(), meant);
        self.shared.perform(actions);
        count
    }

    /// Begins to close, as [`close`](ConnectionPool::close) does, and returns at once. The rest
    /// happens in the background.
    pub fn retire(&self) {
        self.shared.close();
    }

    /// Whether the pool is closed and its last session is gone.
    pub fn is_drained(&self) -> bool {
        self.shared.is_drained()
    }
}

/// The default options, once for all pools.
pub(crate) fn default_options() -> Arc<PoolOptions> {
    static DEFAULT: OnceLock<Arc<PoolOptions>> = OnceLock::new();
    DEFAULT.get_or_init(Arc::default).clone()
}

/// Checks that there are no two factories of one protocol.
fn one_each(factories: &[Arc<dyn ProtocolFactory>]) -> Result<()> {
    for (at, factory) in factories.iter().enumerate() {
        let protocol = factory.protocol();
        if factories[..at].iter().any(|other| other.protocol() == protocol) {
            let allowed = "one factory for each protocol";
            let problem = ConfigProblem::new("factories", protocol.as_str(), allowed);
            return Err(Error::InvalidConfig(vec![problem]));
        }
    }
    Ok(())
}

#[async_trait]
impl ConnectionPool for Pool {
    async fn get_with_context(&self, ctx: &Context, protocol: Protocol) -> Result<Lease> {
        self.shared.acquire(ctx, protocol, None).await
    }

    fn get_timeout(&self) -> Duration {
        self.shared.config().connect_timeout
    }

    async fn warm_up(
        &self,
        ctx: &Context,
        protocol: Protocol,
        count: usize,
    ) -> Result<WarmUpReport> {
        let lane = self.shared.lane(protocol)?;
        let mut attempts = Vec::new();
        let watch = || {
            let (watcher, attempt) = oneshot::channel();
            attempts.push(attempt);
            watcher
        };
        let actions = {
            let now = Instant::now();
            self.shared.core().warm_up(now, lane, count, watch)?
        };
        self.shared.perform(actions);
        let mut failures = Vec::new();
        for attempt in attempts {
            let wait = async { attempt.await.unwrap_or(Err(Error::Closed)) };
            failures.extend(ctx.run(Phase::Acquire, wait).await.err());
        }
        let ready = self.shared.core().ready(lane);
        self.shared.event(|| PoolEvent::WarmedUp { protocol, ready, failed: failures.len() });
        Ok(WarmUpReport { ready, failures })
    }

    async fn close(&self, ctx: &Context) {
        self.shared.close();
        tokio::select! {
            biased;
            () = self.shared.drained().cancelled() => {}
            ended = ctx.ended(Phase::Close) => {
                tracing::warn!(
                    router = %self.shared.name,
                    stats = ?self.shared.core().stats(),
                    %ended,
                    "pool closed with sessions left"
                );
            }
        }
    }

    fn events(&self) -> EventStream {
        self.shared.subscribe()
    }

    fn stats(&self) -> PoolStats {
        self.shared.core().stats()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.close();
    }
}
