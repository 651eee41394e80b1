use pool_core::{Error, Protocol};

use super::queue::Queue;
use super::retry::Retry;
use super::session::Ticket;

/// The callers that wait for sessions of one protocol, and how making such sessions goes.
pub(super) struct Lane<W> {
    pub(super) protocol: Protocol,
    queue: Option<Box<Queue<W>>>,
    pub(super) retry: Retry,
    /// During a run of the dispatcher: how many of the oldest waiters have something on its way
    /// to them; `None` when the lane may not make sessions now.
    pub(super) covered: Option<usize>,
}

impl<W> Lane<W> {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, queue: None, retry: Retry::default(), covered: None }
    }

    pub(super) fn push(&mut self, ticket: Ticket, waiter: W) {
        self.queue.get_or_insert_with(|| Box::new(Queue::new())).push(ticket, waiter);
    }

    /// Takes a caller that gave up out of the queue.
    pub(super) fn remove(&mut self, ticket: Ticket) {
        self.with_queue(|queue| queue.remove(ticket));
    }

    pub(super) fn pop_oldest(&mut self) -> Option<(Ticket, W)> {
        self.with_queue(Queue::pop_oldest)?
    }

    /// What the caller is told, if it does not wait any more and gets no session.
    pub(super) fn refusal(&mut self, ticket: Ticket) -> Option<Error> {
        self.with_queue(|queue| queue.refusal(ticket))?
    }

    /// Tells everybody, oldest first. Nobody waits afterwards.
    pub(super) fn refuse_all(&mut self, error: &Error) -> Vec<W> {
        self.with_queue(|queue| queue.refuse_all(error)).unwrap_or_default()
    }

    pub(super) fn waiter_mut(&mut self, ticket: Ticket) -> Option<&mut W> {
        self.queue.as_mut()?.waiter_mut(ticket)
    }

    pub(super) fn waiters(&self) -> impl Iterator<Item = &W> {
        self.queue.iter().flat_map(|queue| queue.waiters())
    }

    /// The ticket that has `before` older ones in this lane.
    pub(super) fn nth(&self, before: usize) -> Option<Ticket> {
        self.queue.as_ref()?.nth(before)
    }

    /// Something is on its way to one waiter more.
    pub(super) fn cover_one(&mut self) {
        self.covered = self.covered.map(|covered| covered + 1);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the queue when nobody is left in it.
    fn with_queue<R>(&mut self, change: impl FnOnce(&mut Queue<W>) -> R) -> Option<R> {
        let queue = self.queue.as_mut()?;
        let result = change(queue);
        if queue.is_done() {
            self.queue = None;
        }
        Some(result)
    }
}
