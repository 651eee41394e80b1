mod rebuild;
mod report;
mod totals;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::{Mutex, MutexGuard};
use pool_core::{
    ConnectionConfig, ConnectionPool, Context, DiscardReason, Error, PoolStats, Protocol,
    ProtocolFactory, RebuildReason, Result,
};

use self::rebuild::Rebuild;
pub use self::rebuild::RebuildScope;
pub use self::report::{RebuildOutcome, RebuildReport, SessionRebuild, SkipReason};
pub use self::totals::{FleetLoad, FleetTotals, LoginTimes, RouterGate};
use crate::caps::{Caps, Counts, DeviceSeats, Member};
use crate::pool::default_options;
use crate::{FleetLimits, Pool, PoolOptions};

/// Pools are swept this many times within the shortest age that the options give to anything, so
/// that none is overrun by more than a quarter.
const SWEEPS_PER_AGE: u32 = 4;
/// But not more often, however short that is: a sweep looks at every session of every pool.
const SWEEP_EVERY_MIN: Duration = Duration::from_millis(100);
/// And not less often: sessions that were lost are replaced in a sweep.
const SWEEP_EVERY_MAX: Duration = Duration::from_secs(30);

/// The pools of many routers, each made when it is first asked for.
///
/// Routers have nothing in common but the factories: no lock is held while anything is waited
/// for, so that a sick router costs the others nothing.
#[derive(Debug)]
pub struct Fleet {
    factories: Vec<Arc<dyn ProtocolFactory>>,
    /// How each pool behaves.
    options: Arc<PoolOptions>,
    /// What all pools may have together.
    caps: Arc<Caps>,
    /// Shared with the sweeper, which holds it only while it sweeps.
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    pools: HashMap<Arc<str>, Arc<Pool>>,
    /// Pools that are closing. Each is forgotten once its last session is gone, and nobody has it.
    retired: Vec<Arc<Pool>>,
    /// What had happened in pools that are forgotten.
    past: PoolStats,
    /// How many pools there have been.
    members: u64,
    sweeper: Sweeper,
    closed: bool,
}

/// Whether the task that sweeps all pools has been started. It starts with the first pool, for a
/// fleet can be made outside a runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sweeper {
    #[default]
    NotStarted,
    Started,
}

impl State {
    /// Forgets retired pools that nothing can happen in any more, but not what happened in them.
    fn forget_gone(&mut self) {
        let Self { retired, past, .. } = self;
        retired.retain(|pool| {
            // Somebody who still has it may still be turned away, and that counts too.
            let gone = pool.is_drained() && Arc::strong_count(pool) == 1;
            if gone {
                *past = past.merge(of_retired(pool));
            }
            !gone
        });
    }
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
        let (options, caps) = (default_options(), Caps::new(limits));
        Self { factories, options, caps, state: Arc::default() }
    }

    /// The same fleet, whose pools will behave by `options` in place of the defaults.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] for options that do not [validate](PoolOptions::validate).
    pub fn with_options(self, options: PoolOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self { options: Arc::new(options), ..self })
    }

    /// The pool of the router `name`.
    ///
    /// It is made when the router is new here, or known with another configuration; in that case
    /// the old pool is retired: what is lent is closed when it comes back, and whoever waits there
    /// gets `Closed` and may ask here again. So do not keep a pool longer than for one check.
    /// Sessions of the old pool count against the `max_connections` of the new one until they
    /// are closed.
    ///
    /// # Errors
    ///
    /// As [`Pool::new`]; [`Error::Closed`] when the fleet is closed.
    pub fn pool(&self, name: &str, config: &ConnectionConfig) -> Result<Arc<Pool>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if let Some(pool) = state.pools.get(name).filter(|pool| pool.config() == config) {
            return Ok(pool.clone());
        }
        let pool =
            Pool::with_options(name, config.clone(), self.factories.clone(), self.options.clone())?;
        self.join(&mut state, &pool);
        let old = state.pools.insert(pool.name().clone(), pool.clone());
        if std::mem::replace(&mut state.sweeper, Sweeper::Started) == Sweeper::NotStarted {
            let every = sweep_every(&self.options);
            tokio::spawn(sweep_from_time_to_time(Arc::downgrade(&self.state), every));
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
        let device = match device.map(Member::device) {
            Some(device) => {
                device.set_max(max);
                device.clone()
            }
            None => DeviceSeats::new(max),
        };
        state.members += 1;
        let runtime = pool.shared().runtime.clone();
        let member = Member::new(state.members, self.caps.clone(), device, runtime);
        pool.shared().member.get_or_init(|| member).joined(pool.shared());
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

    /// What has happened since the fleet was made.
    pub fn totals(&self) -> FleetTotals {
        let (pools, retired, past) = {
            let state = self.state.lock();
            let pools: Vec<_> = state.pools.values().cloned().collect();
            (pools, state.retired.clone(), state.past)
        };
        let living = pools.iter().map(|pool| pool.stats());
        let retired = retired.iter().map(|pool| of_retired(pool));
        let Counts { create_failed, discarded, rebuilds, health_checks, login_times } =
            self.caps.counts();
        FleetTotals {
            pools: living.chain(retired).fold(past, PoolStats::merge),
            create_failed,
            discarded: DiscardReason::ALL.into_iter().zip(discarded).collect(),
            rebuilds: RebuildReason::ALL.into_iter().zip(rebuilds).collect(),
            health_checks_total: health_checks,
            login_times,
        }
    }

    /// What all routers may have together.
    pub fn limits(&self) -> FleetLimits {
        self.caps.limits()
    }

    /// How much of that is used.
    pub fn load(&self) -> FleetLoad {
        let (pools, retired) = {
            let state = self.state.lock();
            let pools: Vec<_> = state.pools.values().cloned().collect();
            let retired = state.retired.iter().filter(|pool| !pool.is_drained());
            (pools, retired.cloned().collect::<Vec<_>>())
        };
        let all = || pools.iter().chain(&retired);
        let sum = all().map(|pool| pool.stats()).fold(PoolStats::default(), PoolStats::merge);
        let PoolStats { in_use, idle, checking, creating, closing, .. } = sum;
        let members = pools.iter().filter_map(|pool| pool.shared().member.get());
        let behind_earlier: usize = members.map(|member| member.device().waiting()).sum();
        let seats = self.caps.seats();
        let sessions_waiting = behind_earlier + seats.map_or(0, |seats| seats.waiting);
        let begun = creating.saturating_sub(sessions_waiting);
        let logins = self.caps.logins();
        FleetLoad {
            pools: pools.len(),
            retired: retired.len(),
            sessions: seats.map_or(in_use + idle + checking + begun + closing, |seats| seats.taken),
            sessions_waiting,
            logins_in_flight: logins.map_or(begun, |logins| logins.taken),
            logins_waiting: logins.map_or(0, |logins| logins.waiting),
        }
    }

    /// The routers that logins to fail, in the order of names.
    pub fn gates(&self) -> Vec<RouterGate> {
        let pools: Vec<_> = self.state.lock().pools.values().cloned().collect();
        let protocols: Vec<_> = self.factories.iter().map(|factory| factory.protocol()).collect();
        let gate = |pool: &Arc<Pool>, protocol: &Protocol| {
            let (router, protocol) = (pool.name().clone(), *protocol);
            pool.gate(protocol).map(|state| RouterGate { router, protocol, state })
        };
        let of_pool = |pool| protocols.iter().filter_map(move |protocol| gate(pool, protocol));
        let mut gates: Vec<_> = pools.iter().flat_map(of_pool).collect();
        gates.sort_by(|a, b| a.router.cmp(&b.router));
        gates
    }

    /// Replaces sessions by new ones, for instance after the routers got a new software or their
    /// accounts other rights: new sessions see that, old ones do not.
    ///
    /// It is no storm of logins. Of the sessions that are meant, as many are replaced at a time as
    /// the [policy](crate::RebuildPolicy::share_percent) allows for one pool of that size, sixteen
    /// at the most; within each pool the same policy holds, and the fleet's limits hold as well.
    /// Routers take turns.
    ///
    /// It takes nothing from anybody. The new session is made first where a slot is free; without,
    /// the old one is closed once it is idle and nobody waits. A session in use is looked at again
    /// until `ctx` ends. One whose router takes no logins at present is kept, and so is one whose
    /// replacement fails where there was a slot for both.
    ///
    /// Sessions that are made meanwhile are not meant. A router that is not known, or has no
    /// session, has no entry in the report. Nothing is done later: a session that was skipped
    /// stays until the next call, or until the policy replaces it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: replacements that were begun are ended by their pools, and no more are begun.
    pub async fn rebuild(&self, ctx: &Context, scope: RebuildScope<'_>) -> RebuildReport {
        let (router, protocol) = match scope {
            RebuildScope::Router(name) => (Some(name), None),
            RebuildScope::Protocol(protocol) => (None, Some(protocol)),
            RebuildScope::All => (None, None),
        };
        let pools: Vec<_> = {
            let state = self.state.lock();
            let meant = |pool: &&Arc<Pool>| router.is_none_or(|name| **pool.name() == *name);
            state.pools.values().filter(meant).cloned().collect()
        };
        Rebuild::of(pools, protocol, &self.options.rebuild).run(ctx).await
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

/// What is and was in a pool that takes no callers any more.
fn of_retired(pool: &Pool) -> PoolStats {
    let mut stats = pool.stats();
    stats.max_connections = 0;
    stats.gates_shut = 0;
    stats
}

fn sweep_every(options: &PoolOptions) -> Duration {
    let PoolOptions { idle_max, keepalive_after, leak_after, rebuild, .. } = options;
    let ages = [*idle_max, *keepalive_after, *leak_after, rebuild.max_age];
    let shortest = ages.into_iter().min().unwrap_or(SWEEP_EVERY_MAX);
    (shortest / SWEEPS_PER_AGE).clamp(SWEEP_EVERY_MIN, SWEEP_EVERY_MAX)
}

/// One task for all pools, until the fleet is closed or dropped.
async fn sweep_from_time_to_time(fleet: Weak<Mutex<State>>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(state) = fleet.upgrade() else { return };
        let pools: Vec<_> = {
            let mut state = state.lock();
            if state.closed {
                return;
            }
            state.forget_gone();
            state.pools.values().cloned().collect()
        };
        pools.iter().for_each(|pool| pool.sweep());
    }
}
