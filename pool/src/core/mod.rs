//! The decisions of a pool, without its I/O.
//!
//! A [`Core`] is told what happened and when, and answers with [`Action`]s for somebody else to
//! carry out. It never waits, reads no clock and spawns nothing, so that every rule of the pool
//! can be tested without a runtime, by random sequences of events.
//!
//! It is generic over what it keeps: sessions `S`, waiters `W` (who asked for a session), and
//! watchers `V` (who wants to know how one attempt to make a session ends).

mod action;
mod backoff;
mod cause;
mod checking;
mod creating;
mod dispatch;
mod evict;
mod gate;
mod health;
mod lane;
mod leaks;
mod on_demand;
mod queued;
mod rebuild;
mod retry;
mod session;
mod sweep;
#[cfg(test)]
mod tests;
mod warmup;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{
    ConnectionConfig, DiscardReason, Disposition, Error, PoolStats, Protocol, Result, SlotId,
};
use tokio::time::Instant;

pub(crate) use self::action::{Action, Actions, GetOutcome, Loan};
use self::backoff::Jitter;
use self::lane::Lane;
pub(crate) use self::lane::Ticket;
pub(crate) use self::on_demand::Wish;
use self::session::{Card, Check, Create, Idle, Lent};
use crate::PoolOptions;

/// Sessions, queues and counts of one pool, and the rules by which they change.
pub(crate) struct Core<S, W, V> {
    limits: Limits,
    /// One per protocol: who waits for it, and how making its sessions goes.
    lanes: Vec<Lane<W>>,
    /// The longest idle first. The latest to come back is the first to be lent: the others can
    /// then grow old and be closed.
    idle: VecDeque<Idle<S>>,
    lent: Vec<Lent>,
    /// Idle sessions that are tested before they are lent.
    checks: Vec<Check>,
    creates: Vec<Create<V>>,
    /// They count against the device's limit until their closing is done: a VTY is a VTY.
    closing: Vec<SlotId>,
    /// Closing sessions, and the lane in which a new one is to be made in the slot of each.
    owed: Vec<(SlotId, usize)>,
    /// Who waits for what is owed.
    awaited: Vec<(SlotId, V)>,
    /// Whether there may be a session that is due to be replaced.
    rebuild_wanted: bool,
    ids: u64,
    /// The lane of the latest session that was made: the one to keep sessions of.
    home: Option<usize>,
    closed: bool,
    totals: PoolStats,
    jitter: Jitter,
}

/// What a pool's configuration says to its core.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Sessions at once, those being made and those being closed included.
    pub(crate) connections_max: usize,
    /// Sessions to keep, wanted or not.
    pub(crate) connections_min: usize,
    /// One attempt to make a session.
    pub(crate) connect_timeout: Duration,
    /// Attempts in a row before whoever waits is told.
    pub(crate) attempts_max: u32,
    /// All of those attempts together.
    pub(crate) retry_timeout: Duration,
    /// Everything else.
    pub(crate) options: Arc<PoolOptions>,
}

impl Limits {
    pub(crate) fn new(config: &ConnectionConfig, options: Arc<PoolOptions>) -> Self {
        Self {
            connections_max: config.max_connections,
            connections_min: config.min_connections,
            connect_timeout: config.connect_timeout,
            attempts_max: config.retry_max_attempts,
            retry_timeout: config.retry_timeout,
            options,
        }
    }
}

impl<S, W, V> Core<S, W, V> {
    /// A core without a session, with a lane for each protocol.
    pub(crate) fn new(limits: Limits, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        Self {
            limits,
            lanes: protocols.into_iter().map(Lane::new).collect(),
            idle: VecDeque::new(),
            lent: Vec::new(),
            checks: Vec::new(),
            creates: Vec::new(),
            closing: Vec::new(),
            owed: Vec::new(),
            awaited: Vec::new(),
            rebuild_wanted: false,
            ids: 0,
            home: None,
            closed: false,
            totals: PoolStats::default(),
            jitter: Jitter::default(),
        }
    }

    /// Lends an idle session at once, if there is one that nobody waits for.
    ///
    /// # Errors
    ///
    /// `Closed`; or, while the gate of the lane is shut and no session of it is left that could
    /// be waited for, the error that shut it.
    pub(crate) fn take(&mut self, now: Instant, lane: usize) -> Result<Option<Loan<S>>> {
        if self.closed {
            return Err(Error::Closed);
        }
        // After every event a session that can be lent at once is one that no ticket of its lane
        // waits for, so whoever finds one here passes nobody.
        debug_assert!(self.lanes[lane].is_empty() || !self.has_ready(now, lane));
        if let Some(loan) = self.take_ready(now, lane) {
            return Ok(Some(Loan { connect: None, ..loan }));
        }
        self.turned_away(now, lane).map_or(Ok(None), Err)
    }

    /// Queues a caller behind those who came before, and does what can be done for it.
    pub(crate) fn enqueue(
        &mut self,
        now: Instant,
        lane: usize,
        waiter: W,
    ) -> (Ticket, Actions<S, W, V>) {
        let ticket = Ticket(self.next_id());
        self.lanes[lane].push(ticket, waiter);
        (ticket, self.settled(now))
    }

    /// Takes a caller that gave up, or was served, out of its queue. What is being made for it
    /// goes on, for the next.
    pub(crate) fn leave(&mut self, lane: usize, ticket: Ticket) {
        self.lanes[lane].remove(ticket);
    }

    /// Counts how a get ended.
    pub(crate) fn count(&mut self, outcome: GetOutcome) {
        let totals = &mut self.totals;
        match outcome {
            GetOutcome::Lent { reused } => {
                totals.get_success_total += 1;
                totals.reused_total += u64::from(reused);
            }
            GetOutcome::TimedOut => totals.get_timeout_total += 1,
            GetOutcome::Cancelled => totals.get_canceled_total += 1,
            GetOutcome::Failed => totals.get_failed_total += 1,
        }
    }

    /// A lent session came back.
    pub(crate) fn released(
        &mut self,
        now: Instant,
        slot: SlotId,
        session: S,
        disposition: Disposition,
    ) -> Actions<S, W, V> {
        let position = self.lent.iter().position(|lent| lent.card.slot == slot);
        let card = position.map(|at| self.lent.swap_remove(at).card);
        match (card, disposition) {
            (Some(card @ Card { retire: Some(reason), .. }), Disposition::Reuse)
                if !self.closed =>
            {
                let mut actions = vec![self.retire(card, session, reason)];
                self.settle(now, &mut actions);
                actions
            }
            (Some(_), Disposition::Reuse) if !self.closed && self.is_beyond_limit(1) => {
                self.discard_and_settle(now, slot, session, DiscardReason::Evicted)
            }
            (Some(card), Disposition::Reuse) if !self.closed => {
                self.rebuild_wanted |= self.due(&card, now).is_some();
                let card = Card { health_failures: 0, ..card };
                let idle = Idle { card, session, since: now, returned: now, connect: None };
                self.idle.push_back(idle);
                self.settled(now)
            }
            (_, Disposition::Discard(reason)) => {
                self.discard_and_settle(now, slot, session, reason)
            }
            (_, Disposition::Reuse) => {
                self.discard_and_settle(now, slot, session, DiscardReason::PoolClosed)
            }
        }
    }

    /// The closing of a session is done.
    pub(crate) fn closed(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        let Some(at) = self.closing.iter().position(|&closing| closing == slot) else {
            return Vec::new();
        };
        self.closing.swap_remove(at);
        self.totals.closed_total += 1;
        let mut actions = self.settled(now);
        self.pay(now, slot, &mut actions);
        actions
    }

    /// The time has come that an action asked to be woken at.
    pub(crate) fn woken(&mut self, now: Instant) -> Actions<S, W, V> {
        self.settled(now)
    }

    /// Closes the pool: nobody waits any more and nothing is idle; what is lent or being made is
    /// closed when it comes. A second time, this does nothing.
    pub(crate) fn close(&mut self, now: Instant) -> Actions<S, W, V> {
        if std::mem::replace(&mut self.closed, true) {
            return Vec::new();
        }
        let waiters = self.lanes.iter_mut().flat_map(Lane::drain);
        let mut actions: Vec<_> =
            waiters.map(|waiter| Action::Fail { waiter, error: Error::Closed }).collect();
        while let Some(Idle { card, session, .. }) = self.idle.pop_front() {
            actions.push(self.discard(card.slot, session, DiscardReason::PoolClosed));
        }
        self.settle(now, &mut actions);
        actions
    }

    /// What is where, and what has happened.
    pub(crate) fn stats(&self) -> PoolStats {
        let mut stats = self.totals;
        stats.max_connections = self.limits.connections_max;
        stats.in_use = self.lent.len();
        stats.checking = self.checks.len();
        stats.idle = self.idle.len();
        stats.creating = self.creates.len();
        stats.closing = self.closing.len();
        stats.degraded = self.degraded();
        stats.waiting = self.lanes.iter().map(Lane::len).sum();
        stats.gates_shut = self.lanes.iter().filter(|lane| lane.retry.gate_is_shut()).count();
        stats
    }

    /// Sessions that exist or that are being made or unmade.
    fn occupied(&self) -> usize {
        self.kept() + self.creates.len() + self.closing.len()
    }

    /// Sessions that are there, and that are not being closed.
    fn kept(&self) -> usize {
        self.idle.len() + self.lent.len() + self.checks.len()
    }

    fn free(&self) -> usize {
        self.limits.connections_max.saturating_sub(self.occupied())
    }

    /// Whether a session of `lane` can be lent at once.
    fn has_ready(&self, now: Instant, lane: usize) -> bool {
        self.latest_ready(now, lane).is_some()
    }

    fn is_fresh(&self, idle: &Idle<S>, now: Instant) -> bool {
        idle.is_fresh(now, self.limits.options.check_when_idle_for) && !self.is_degraded(&idle.card)
    }

    /// Marks the latest idle session of `lane` as lent, if it needs no test.
    fn take_ready(&mut self, now: Instant, lane: usize) -> Option<Loan<S>> {
        let at = self.latest_ready(now, lane)?;
        let Idle { mut card, session, connect, .. } = self.idle.remove(at)?;
        let reused = card.uses > 0;
        card.uses += 1;
        self.lent.push(Lent { card, since: now, taken_at: None, suspected: false });
        Some(Loan { slot: card.slot, session, reused, connect })
    }

    /// Where in `idle` the latest session of `lane` is that needs no test.
    fn latest_ready(&self, now: Instant, lane: usize) -> Option<usize> {
        self.idle.iter().rposition(|idle| idle.card.lane == lane && self.is_fresh(idle, now))
    }

    /// Where in `idle` the latest session of `lane` is.
    fn latest_idle(&self, lane: usize) -> Option<usize> {
        self.idle.iter().rposition(|idle| idle.card.lane == lane)
    }

    fn discard(&mut self, slot: SlotId, session: S, reason: DiscardReason) -> Action<S, W, V> {
        self.closing.push(slot);
        self.totals.discarded_total += 1;
        self.totals.rebuilt_total += u64::from(reason == DiscardReason::Rebuilt);
        Action::Close { slot, session, reason }
    }

    fn discard_and_settle(
        &mut self,
        now: Instant,
        slot: SlotId,
        session: S,
        reason: DiscardReason,
    ) -> Actions<S, W, V> {
        let mut actions = vec![self.discard(slot, session, reason)];
        self.settle(now, &mut actions);
        actions
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}
