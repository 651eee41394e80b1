//! The decisions of a pool, without its I/O.
//!
//! A [`Core`] is told what happened and when, and answers with [`Action`]s for somebody else to
//! carry out. It never waits, reads no clock and spawns nothing, so that every rule of the pool
//! can be tested without a runtime, by random sequences of events.
//!
//! It is generic over what it keeps: sessions `S`, waiters `W` (who asked for a session), and
//! watchers `V` (who wants to know how one attempt to make a session ends).
//!
//! Everything that counts against the device's limit is in one table, `slots`: what is being made,
//! what is there, what is being closed. A session stays where it is in the table while it is lent
//! or handed from one to the next.

mod action;
mod backoff;
mod cause;
mod checking;
mod closing;
mod creating;
mod dispatch;
mod evict;
mod gate;
mod health;
mod lane;
mod leaks;
mod lending;
mod on_demand;
mod queue;
mod queued;
mod rebuild;
mod retry;
mod returning;
mod session;
mod slots;
mod sweep;
#[cfg(test)]
mod tests;
mod totals;
mod waiting;
mod warmup;

use std::sync::Arc;

use pool_core::{ConnectionConfig, PoolStats, Protocol};
use tokio::time::Instant;

pub(crate) use self::action::{Action, Actions, GetOutcome, Loan};
use self::lane::Lane;
pub(crate) use self::on_demand::Wish;
pub(crate) use self::returning::Returned;
pub(crate) use self::session::Ticket;
use self::session::{Place, Turn};
use self::slots::Slots;
use self::totals::Totals;
use crate::PoolOptions;

/// Sessions, queues and counts of one pool, and the rules by which they change.
pub(crate) struct Core<S, W, V> {
    limits: Limits,
    /// One per protocol: who waits for it, and how making its sessions goes.
    lanes: Box<[Lane<W>]>,
    slots: Slots<S, V>,
    ids: u64,
    /// The lane of the latest session that was made: the one to keep sessions of.
    home: Option<u8>,
    /// Whether there may be a session that is due to be replaced.
    rebuild_wanted: bool,
    closed: bool,
    totals: Totals,
}

/// What a pool's configuration says to its core.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// What the pool was made with.
    pub(crate) config: Arc<ConnectionConfig>,
    /// Everything else.
    pub(crate) options: Arc<PoolOptions>,
    /// Sessions at once, those being made and those being closed included.
    pub(crate) connections_max: usize,
    /// Sessions to keep, wanted or not.
    pub(crate) connections_min: usize,
}

impl Limits {
    pub(crate) fn new(config: Arc<ConnectionConfig>, options: Arc<PoolOptions>) -> Self {
        let (connections_max, connections_min) = (config.max_connections, config.min_connections);
        Self { config, options, connections_max, connections_min }
    }
}

impl<S, W, V> Core<S, W, V> {
    /// A core without a session, with a lane for each protocol.
    pub(crate) fn new(limits: Limits, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        Self {
            limits,
            lanes: protocols.into_iter().map(Lane::new).collect(),
            slots: Slots::new(),
            ids: 0,
            home: None,
            rebuild_wanted: false,
            closed: false,
            totals: Totals::default(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Other options from now on.
    pub(crate) fn set_options(&mut self, options: Arc<PoolOptions>) {
        self.limits.options = options;
    }

    /// The lane of `protocol`, if its sessions can be made.
    #[inline]
    pub(crate) fn lane(&self, protocol: Protocol) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.protocol == protocol)
    }

    /// What the pool was made with, and how many sessions it may have by now.
    pub(crate) fn config(&self) -> Arc<ConnectionConfig> {
        let Limits { config, connections_max, connections_min, .. } = &self.limits;
        let mut config = config.clone();
        if config.max_connections != *connections_max {
            let resized = Arc::make_mut(&mut config);
            resized.max_connections = *connections_max;
            resized.min_connections = *connections_min;
        }
        config
    }

    /// The time has come that an action asked to be woken at.
    pub(crate) fn woken(&mut self, now: Instant) -> Actions<S, W, V> {
        self.settled(now)
    }

    /// What is where, and what has happened.
    pub(crate) fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        self.totals.tell(&mut stats);
        stats.max_connections = self.limits.connections_max;
        for session in self.slots.kept() {
            match session.place {
                Place::Idle(_) => stats.idle += 1,
                Place::Granted(_) | Place::Lent => stats.in_use += 1,
                Place::Tested(_) => stats.checking += 1,
            }
        }
        stats.creating = self.slots.creating().count();
        stats.closing = self.slots.closing().count();
        stats.degraded = self.degraded();
        stats.waiting = self.lanes.iter().map(Lane::len).sum();
        stats.gates_shut = self.lanes.iter().filter(|lane| lane.retry.gate_is_shut()).count();
        stats
    }

    /// Sessions that are there, or will be.
    fn wanted(&self) -> usize {
        self.slots.kept().count() + self.slots.creating().count()
    }

    /// Whether there are more sessions than allowed, those on their way out not counted.
    fn is_beyond_limit(&self) -> bool {
        self.wanted() > self.limits.connections_max
    }

    fn free(&self) -> usize {
        self.limits.connections_max.saturating_sub(self.slots.len())
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn next_turn(&mut self) -> Turn {
        Turn(self.next_id())
    }
}
