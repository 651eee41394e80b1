mod gates;
mod load;
mod rebuild;
mod reconfigure;
mod report;
mod state;
mod sweeper;
mod totals;

use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::{Mutex, MutexGuard};
use pool_core::{
    ConnectionConfig, ConnectionPool, Context, Error, PoolStats, ProtocolFactory, Result,
};

pub use self::gates::RouterGate;
pub use self::load::FleetLoad;
pub use self::rebuild::RebuildScope;
pub use self::report::{RebuildOutcome, RebuildReport, SessionRebuild, SkipReason};
use self::state::State;
use self::sweeper::{Sweeper, sweep_from_time_to_time};
pub use self::totals::{FleetTotals, LoginTimes};
use crate::caps::{Caps, DeviceSeats, Member};
use crate::pool::default_options;
use crate::shared::Factories;
use crate::{FleetLimits, Pool, PoolOptions};

/// The pools of many routers, each made when it is first asked for.
///
/// Routers have nothing in common but the factories: no lock is held while anything is waited
/// for, so that a sick router costs the others nothing.
#[derive(Debug)]
pub struct Fleet {
    factories: Factories,
    /// What all pools may have together.
    caps: Arc<Caps>,
    /// Shared with the sweeper, which holds it only while it sweeps.
    state: Arc<Mutex<State>>,
}

impl Fleet {
    /// A fleet without a pool, whose pools will have these factories, and no limit together.
    pub fn new(factories: Vec<Arc<dyn ProtocolFactory>>) -> Self {
        Self::with_limits(factories, FleetLimits::default())
    }

    /// A fleet without a pool, whose pools will have these factories and together keep to these
    /// limits.
    ///
    /// Who waits for a limit is served in turn, router by router, so that none can starve the
    /// rest. One that hangs in its logins keeps its permits for one `connect_timeout` at the most
    /// before the next router has its turn.
    pub fn with_limits(factories: Vec<Arc<dyn ProtocolFactory>>, limits: FleetLimits) -> Self {
        let state = Arc::new(Mutex::new(State::new(default_options())));
        Self { factories: factories.into(), caps: Caps::new(limits), state }
    }

    /// The same fleet, whose pools will behave by `options` in place of the defaults.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] for options that do not [validate](PoolOptions::validate).
    pub fn with_options(self, options: PoolOptions) -> Result<Self> {
        self.set_options(options)?;
        Ok(self)
    }

    /// The pool of the router `name`.
    ///
    /// It is made when the router is new here, or known with a configuration by which other sessions
    /// are made; in that case the old pool is retired: what is lent is closed when it comes back, and
    /// whoever waits there gets `Closed` and may ask here again. So do not keep a pool longer than for
    /// one check. Sessions of the old pool count against the `max_connections` of the new one until
    /// they are closed.
    ///
    /// A configuration by which [the same sessions](ConnectionConfig::makes_the_same_sessions_as) are
    /// made is taken over by the pool that is there. Sessions stay, but for those beyond a
    /// `max_connections` that is lower now, as by [`resize`](Pool::resize), and who waits goes on
    /// waiting.
    ///
    /// # Errors
    ///
    /// As [`Pool::new`]; [`Error::Closed`] when the fleet is closed.
    pub fn pool(&self, name: &str, config: &ConnectionConfig) -> Result<Arc<Pool>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if let Some(pool) = state.pools.get(name) {
            let known = pool.shared().config();
            if *known == *config {
                return Ok(pool.clone());
            }
            if known.makes_the_same_sessions_as(config) {
                let pool = pool.clone();
                // What becomes possible by it is begun outside the lock.
                drop(state);
                pool.adopt(config.clone())?;
                return Ok(pool);
            }
        }
        let (factories, options) = (self.factories.clone(), state.options.clone());
        let pool = Pool::with_options(name, config.clone(), factories, options)?;
        self.join(&mut state, &pool);
        let old = state.pools.insert(pool.name().clone(), pool.clone());
        if std::mem::replace(&mut state.sweeper, Sweeper::Started) == Sweeper::NotStarted {
            tokio::spawn(sweep_from_time_to_time(Arc::downgrade(&self.state)));
        }
        retire(state, old);
        Ok(pool)
    }

    /// Makes `pool` a member, and the successor of earlier pools of the same router.
    fn join(&self, state: &mut State, pool: &Pool) {
        let earlier = state.retired.iter().rev().filter(|pool| !pool.is_drained());
        let earlier = state.pools.get(pool.name()).into_iter().chain(earlier);
        let same = earlier.filter(|earlier| earlier.name() == pool.name());
        let device = same.filter_map(|earlier| earlier.shared().member.get()).next();
        let max = pool.config().max_connections;
        let device = match device.map(|member| member.device()) {
            Some(device) => {
                device.set_max(max);
                device.clone()
            }
            None => DeviceSeats::new(max),
        };
        state.members += 1;
        let runtime = pool.shared().runtime.clone();
        let member = Member::new(state.members, self.caps.clone(), device, runtime);
        pool.shared().member.get_or_init(|| Box::new(member)).joined(pool.shared());
    }

    /// Retires the pool of the router `name`, if there is one: the router is no longer wanted.
    pub fn retire(&self, name: &str) {
        let mut state = self.state.lock();
        let old = state.pools.remove(name);
        retire(state, old);
    }

    /// What is where, by router name, in the order of names. Retired pools are not in it.
    pub fn stats(&self) -> Vec<(Arc<str>, PoolStats)> {
        let pools: Vec<_> = self.state.lock().pools.values().cloned().collect();
        let mut stats: Vec<_> =
            pools.iter().map(|pool| (pool.name().clone(), pool.stats())).collect();
        stats.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        stats
    }

    /// Closes all pools at once, retired ones included, as [`ConnectionPool::close`] does each.
    /// Afterwards [`pool`](Self::pool) gives none. Calling it again is harmless.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: closing goes on without the caller.
    pub async fn close(&self, ctx: &Context) {
        let pools = {
            let mut state = self.state.lock();
            state.closed = true;
            let State { pools, retired, .. } = &mut *state;
            retired.extend(pools.drain().map(|(_, pool)| pool));
            retired.clone()
        };
        // First all of them begin, then all are waited for: a caller that leaves at the first
        // await has still closed everything.
        pools.iter().for_each(|pool| pool.retire());
        join_all(pools.iter().map(|pool| pool.close(ctx))).await;
        drop(pools);
        self.state.lock().forget_gone();
    }
}

/// Begins to close `old`, outside the lock, and keeps it in sight until it is gone.
fn retire(mut state: MutexGuard<'_, State>, old: Option<Arc<Pool>>) {
    let Some(old) = old else { return };
    state.forget_gone();
    state.retired.push(old.clone());
    drop(state);
    old.retire();
}
