use std::collections::BTreeMap;

use pool_core::Protocol;

use super::retry::Retry;

/// A place in the queue. Tickets are numbered over all lanes, in the order in which callers came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(super) u64);

/// The callers that wait for sessions of one protocol, and how making such sessions goes.
pub(super) struct Lane<W> {
    pub(super) protocol: Protocol,
    /// Ordered by arrival. A tree, because callers leave from the middle: when a router hangs,
    /// all of its lines give up, each in its own time.
    waiters: BTreeMap<Ticket, W>,
    pub(super) retry: Retry,
    /// During a run of the dispatcher: how many of the oldest waiters have something on its way
    /// to them; `None` when the lane may not make sessions now.
    pub(super) covered: Option<usize>,
}

impl<W> Lane<W> {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, waiters: BTreeMap::new(), retry: Retry::default(), covered: None }
    }

    pub(super) fn push(&mut self, ticket: Ticket, waiter: W) {
        if self.waiters.is_empty() {
            self.retry.begin_series();
        }
        self.waiters.insert(ticket, waiter);
    }

    pub(super) fn remove(&mut self, ticket: Ticket) {
        self.waiters.remove(&ticket);
    }

    pub(super) fn pop_oldest(&mut self) -> Option<W> {
        self.waiters.pop_first().map(|(_, waiter)| waiter)
    }

    /// The ticket that has `before` older ones in this lane.
    pub(super) fn nth(&self, before: usize) -> Option<Ticket> {
        // Without this, a lane with many waiters and few sessions would be walked in vain.
        if before >= self.waiters.len() {
            return None;
        }
        self.waiters.keys().nth(before).copied()
    }

    /// Everybody, oldest first. Nobody waits afterwards.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = W> + use<W> {
        std::mem::take(&mut self.waiters).into_values()
    }

    /// Something is on its way to one waiter more.
    pub(super) fn cover_one(&mut self) {
        self.covered = self.covered.map(|covered| covered + 1);
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
}
