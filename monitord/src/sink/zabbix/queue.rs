use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::message::ItemValue;

/// How long the first value of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);

/// The values that are still to be delivered, oldest first. Bounded: when it is full, the oldest
/// gives way to the newest.
#[derive(Debug)]
pub(super) struct Queue {
    // A blocking mutex: it is held to move values, and never across an await.
    state: Mutex<State>,
    changed: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<ItemValue>,
    in_flight: usize,
    first_came_at: Option<Instant>,
    closed: bool,
}

impl Queue {
    /// An empty queue for `capacity` values, those in flight included.
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), capacity }
    }

    /// Adds a value and returns the one that had to give way, if one had to.
    pub(super) fn push(&self, value: ItemValue) -> Option<ItemValue> {
        let mut state = self.state.lock();
        let full = state.waiting.len() + state.in_flight >= self.capacity;
        let dropped = if full { state.waiting.pop_front() } else { None };
        if state.waiting.is_empty() {
            state.first_came_at = Some(Instant::now());
        }
        state.waiting.push_back(value);
        drop(state);
        self.changed.notify_one();
        dropped
    }

    /// How many values are not delivered yet, those in flight included.
    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        state.waiting.len() + state.in_flight
    }

    /// From now on batches do not wait for more values, and end with the last one.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Completes when the queue is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(super) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state.lock().closed {
                return;
            }
            changed.await;
        }
    }

    /// Waits for up to `max` of the oldest values, which count as in flight until
    /// [`settle`](Self::settle) or [`put_back`](Self::put_back). `None` when the queue is closed
    /// and empty. For one consumer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: values are taken only when it completes.
    pub(super) async fn batch(&self, max: usize) -> Option<Vec<ItemValue>> {
        loop {
            let changed = self.changed.notified();
            let wait_until = {
                let mut state = self.state.lock();
                let due = state.first_came_at.map(|at| at + LINGER);
                let ready = state.closed
                    || state.waiting.len() >= max
                    || due.is_some_and(|due| due <= Instant::now());
                if ready && !state.waiting.is_empty() {
                    return Some(state.take(max));
                }
                if state.closed {
                    return None;
                }
                due.filter(|_| !state.waiting.is_empty())
            };
            match wait_until {
                Some(due) => tokio::select! { () = changed => {}, () = sleep_until(due) => {} },
                None => changed.await,
            }
        }
    }

    /// The values of the last batch are delivered, or are not worth another try.
    pub(super) fn settle(&self) {
        self.state.lock().in_flight = 0;
    }

    /// The values of the last batch are to be tried again, first.
    pub(super) fn put_back(&self, batch: Vec<ItemValue>) {
        let mut state = self.state.lock();
        state.in_flight = 0;
        for value in batch.into_iter().rev() {
            state.waiting.push_front(value);
        }
    }
}

impl State {
    fn take(&mut self, max: usize) -> Vec<ItemValue> {
        let count = Ord::min(max, self.waiting.len());
        let batch: Vec<_> = self.waiting.drain(..count).collect();
        self.in_flight = count;
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(host: &str) -> ItemValue {
        let (key, value) = (String::new(), String::new());
        ItemValue { host: host.to_owned(), key, value, clock: 1, ns: 1 }
    }

    fn hosts(batch: Option<Vec<ItemValue>>) -> Vec<String> {
        batch.unwrap_or_default().into_iter().map(|value| value.host).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_waits_a_moment_for_company_but_not_when_it_is_full() {
        let queue = Queue::new(10);
        let start = Instant::now();
        queue.push(value("a"));
        assert_eq!(hosts(queue.batch(2).await), ["a"]);
        assert_eq!(start.elapsed(), LINGER);
        queue.settle();
        for host in ["b", "c", "d"] {
            queue.push(value(host));
        }
        assert_eq!(hosts(queue.batch(2).await), ["b", "c"]);
        assert_eq!(start.elapsed(), LINGER);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_gives_way_and_what_is_in_flight_counts() {
        let queue = Queue::new(3);
        queue.push(value("a"));
        let batch = queue.batch(1).await.unwrap();
        assert_eq!(queue.push(value("b")), None);
        assert_eq!(queue.push(value("c")), None);
        assert_eq!(queue.push(value("d")).map(|v| v.host).as_deref(), Some("b"));
        assert_eq!(queue.len(), 3);
        queue.put_back(batch);
        assert_eq!(hosts(queue.batch(10).await), ["a", "c", "d"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_is_emptied_at_once_and_then_ends() {
        let queue = Queue::new(3);
        queue.push(value("a"));
        queue.close();
        queue.closed().await;
        assert_eq!(hosts(queue.batch(10).await), ["a"]);
        queue.settle();
        assert_eq!(queue.batch(10).await, None);
        assert_eq!(queue.len(), 0);
    }
}
