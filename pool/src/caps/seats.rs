use std::collections::BTreeSet;

use pool_core::SlotId;

use super::queue::{FairQueue, RouterId, Turn};

/// The rules of a limit on sessions, without I/O: a seat for each session, from before its login
/// until its closing is done.
///
/// It is generic over who waits, `T`. Whoever is returned as served has a seat, which must come
/// back with [`freed`](Self::freed).
#[derive(Debug)]
pub(super) struct Seats<T> {
    max: usize,
    taken: usize,
    /// Seats of sessions that are being closed, and so will soon be free.
    leaving: BTreeSet<(RouterId, SlotId)>,
    queue: FairQueue<T>,
}

impl<T> Seats<T> {
    pub(super) fn new(max: usize) -> Self {
        Self { max, taken: 0, leaving: BTreeSet::new(), queue: FairQueue::default() }
    }

    /// Takes a seat that nobody waits for.
    pub(super) fn try_take(&mut self) -> bool {
        let free = self.queue.is_empty() && self.taken < self.max;
        self.taken += usize::from(free);
        free
    }

    /// Queues somebody for a seat, and says who is served now.
    pub(super) fn enqueue(&mut self, router: RouterId, who: T) -> (Turn, Vec<T>) {
        let turn = self.queue.push(router, who);
        (turn, self.serve())
    }

    /// Takes somebody out of the queue, if they are still in it.
    pub(super) fn leave(&mut self, turn: Turn) -> Option<T> {
        self.queue.remove(turn)
    }

    /// The next to be served.
    pub(super) fn front(&self) -> Option<(Turn, &T)> {
        self.queue.front()
    }

    /// The session on a seat is being closed.
    pub(super) fn leaving(&mut self, router: RouterId, slot: SlotId) {
        self.leaving.insert((router, slot));
    }

    /// A seat comes back. Says who is served now.
    pub(super) fn freed(&mut self, router: RouterId, slot: SlotId) -> Vec<T> {
        self.leaving.remove(&(router, slot));
        self.taken = self.taken.saturating_sub(1);
        self.serve()
    }

    /// Sets how many seats there are. Those who have one keep it. Says who is served now.
    pub(super) fn set_max(&mut self, max: usize) -> Vec<T> {
        self.max = max;
        self.serve()
    }

    /// How many wait that no seat is about to become free for.
    pub(super) fn shortfall(&self) -> usize {
        self.queue.len().saturating_sub(self.leaving.len())
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn serve(&mut self) -> Vec<T> {
        let mut served = Vec::new();
        while self.taken < self.max {
            let Some(who) = self.queue.pop() else { break };
            self.taken += 1;
            served.push(who);
        }
        served
    }
}
