use std::collections::VecDeque;

use pool_core::Error;

use super::session::Ticket;

/// Gaps that may be left in a queue before it is closed up, beside one for each who waits.
const GAPS_MIN: usize = 16;

/// The callers that wait in a lane, and what some of them are about to be told.
///
/// There is one only while somebody waits: most lanes are empty most of the time.
pub(super) struct Queue<W> {
    /// Ordered by arrival. Callers also leave from the middle: when a router hangs, all of its
    /// lines give up, each in its own time. They leave a gap, which costs nothing to make; the
    /// first place is never one.
    places: VecDeque<Place<W>>,
    waiting: usize,
    /// Who does not wait any more and has not been told why yet.
    refused: Vec<(Ticket, Error)>,
}

struct Place<W> {
    ticket: Ticket,
    waiter: Option<W>,
}

impl<W> Queue<W> {
    pub(super) fn new() -> Self {
        Self { places: VecDeque::new(), waiting: 0, refused: Vec::new() }
    }

    /// Whether nobody is concerned with it any more.
    pub(super) fn is_done(&self) -> bool {
        self.waiting == 0 && self.refused.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    pub(super) fn push(&mut self, ticket: Ticket, waiter: W) {
        self.places.push_back(Place { ticket, waiter: Some(waiter) });
        self.waiting += 1;
    }

    pub(super) fn pop_oldest(&mut self) -> Option<(Ticket, W)> {
        let Place { ticket, waiter } = self.places.pop_front()?;
        self.waiting -= 1;
        self.skip_gaps();
        Some((ticket, waiter?))
    }

    /// Takes out a caller that gave up.
    pub(super) fn remove(&mut self, ticket: Ticket) {
        self.refused.retain(|(refused, _)| *refused != ticket);
        let Ok(at) = self.find(ticket) else { return };
        if self.places[at].waiter.take().is_some() {
            self.waiting -= 1;
        }
        self.skip_gaps();
        // Each gap is paid for by whoever left it, and they are never more than those who wait
        // for long behind somebody who waits even longer.
        if self.places.len() > 2 * self.waiting + GAPS_MIN {
            self.places.retain(|place| place.waiter.is_some());
        }
    }

    pub(super) fn waiter_mut(&mut self, ticket: Ticket) -> Option<&mut W> {
        let at = self.find(ticket).ok()?;
        self.places[at].waiter.as_mut()
    }

    pub(super) fn waiters(&self) -> impl Iterator<Item = &W> {
        self.places.iter().filter_map(|place| place.waiter.as_ref())
    }

    /// The ticket that has `before` older ones in this queue.
    pub(super) fn nth(&self, before: usize) -> Option<Ticket> {
        // Without this, a lane with many waiters and few sessions would be walked in vain.
        if before >= self.waiting {
            return None;
        }
        self.places.iter().filter(|place| place.waiter.is_some()).nth(before).map(|p| p.ticket)
    }

    /// Tells everybody, oldest first. Nobody waits afterwards.
    pub(super) fn refuse_all(&mut self, error: &Error) -> Vec<W> {
        self.waiting = 0;
        let places = std::mem::take(&mut self.places).into_iter();
        let waiting = places.filter_map(|place| Some((place.ticket, place.waiter?)));
        let refuse = |(ticket, waiter)| {
            self.refused.push((ticket, error.clone()));
            waiter
        };
        waiting.map(refuse).collect()
    }

    /// What the caller is told, if it does not wait any more.
    pub(super) fn refusal(&mut self, ticket: Ticket) -> Option<Error> {
        let at = self.refused.iter().position(|(refused, _)| *refused == ticket)?;
        Some(self.refused.swap_remove(at).1)
    }

    fn find(&self, ticket: Ticket) -> Result<usize, usize> {
        self.places.binary_search_by_key(&ticket, |place| place.ticket)
    }

    fn skip_gaps(&mut self) {
        while self.places.front().is_some_and(|place| place.waiter.is_none()) {
            self.places.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_leaves_the_order_of_the_others_as_it_was() {
        let mut queue = Queue::new();
        (0..6).for_each(|n| queue.push(Ticket(n), n));
        [4, 0, 1].into_iter().for_each(|n| queue.remove(Ticket(n)));
        queue.remove(Ticket(4));
        assert_eq!((queue.len(), queue.nth(1), queue.nth(3)), (3, Some(Ticket(3)), None));
        let served: Vec<_> = std::iter::from_fn(|| queue.pop_oldest()).map(|(_, n)| n).collect();
        assert_eq!(served, [2, 3, 5]);
        assert!(queue.is_done());
    }

    #[test]
    fn gaps_behind_somebody_patient_do_not_pile_up() {
        let mut queue = Queue::new();
        queue.push(Ticket(0), ());
        for n in 1..10_000 {
            queue.push(Ticket(n), ());
            queue.remove(Ticket(n));
        }
        assert!(queue.places.len() <= GAPS_MIN + 2, "{} places", queue.places.len());
        assert_eq!(queue.pop_oldest(), Some((Ticket(0), ())));
    }

    #[test]
    fn each_is_told_once_and_whoever_left_is_not() {
        let mut queue = Queue::new();
        (0..3).for_each(|n| queue.push(Ticket(n), n));
        queue.remove(Ticket(1));
        assert_eq!(queue.refuse_all(&Error::Closed), [0, 2]);
        queue.remove(Ticket(0));
        assert!(queue.refusal(Ticket(0)).is_none());
        assert!(!queue.is_done());
        assert!(queue.refusal(Ticket(2)).is_some());
        assert!(queue.is_done() && queue.refusal(Ticket(2)).is_none());
    }
}
