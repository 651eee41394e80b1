use std::collections::{BTreeMap, VecDeque};

/// A pool, as the queues over all pools know it. There is one pool for each router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RouterId(pub(super) u64);

/// A place in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    router: RouterId,
    number: u64,
}

/// Serves routers in turn, and each router's own in the order in which they came.
///
/// A router with a hundred waiting gets as much as one with one: while a router waits, no other
/// is served twice before it.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// Routers that wait, each once; the first is served next.
    ring: VecDeque<RouterId>,
    /// Never an empty queue.
    waiting: BTreeMap<RouterId, VecDeque<(u64, T)>>,
    numbers: u64,
    len: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { ring: VecDeque::new(), waiting: BTreeMap::new(), numbers: 0, len: 0 }
    }
}

impl<T> FairQueue<T> {
    /// Queues `item` behind those of the same router.
    pub(super) fn push(&mut self, router: RouterId, item: T) -> Turn {
        self.numbers += 1;
        self.len += 1;
        let queue = self.waiting.entry(router).or_default();
        if queue.is_empty() {
            self.ring.push_back(router);
        }
        queue.push_back((self.numbers, item));
        Turn { router, number: self.numbers }
    }

    /// Takes out the next to be served. Its router is served again after all others.
    pub(super) fn pop(&mut self) -> Option<T> {
        let router = self.ring.pop_front()?;
        let queue = self.waiting.get_mut(&router)?;
        let (_, item) = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&router);
        } else {
            self.ring.push_back(router);
        }
        self.len -= 1;
        Some(item)
    }

    /// The next to be served.
    pub(super) fn front(&self) -> Option<(Turn, &T)> {
        let &router = self.ring.front()?;
        let (number, item) = self.waiting.get(&router)?.front()?;
        Some((Turn { router, number: *number }, item))
    }

    /// Takes out who waits at `turn`, if they still wait.
    pub(super) fn remove(&mut self, turn: Turn) -> Option<T> {
        let queue = self.waiting.get_mut(&turn.router)?;
        let at = queue.binary_search_by_key(&turn.number, |(number, _)| *number).ok()?;
        let (_, item) = queue.remove(at)?;
        if queue.is_empty() {
            self.waiting.remove(&turn.router);
            self.ring.retain(|&router| router != turn.router);
        }
        self.len -= 1;
        Some(item)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}
