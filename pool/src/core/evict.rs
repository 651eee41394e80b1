use pool_core::{DiscardReason, SlotId};
use tokio::time::Instant;

use super::{Actions, Card, Core, Idle};

impl<S, W, V> Core<S, W, V> {
    /// Closes the sessions that are `meant`: idle ones now, those in use when they come back.
    /// Returns how many that are. What is missing then to keep the minimum is made anew.
    pub(crate) fn evict_all(
        &mut self,
        now: Instant,
        meant: impl Fn(SlotId) -> bool,
    ) -> (usize, Actions<S, W, V>) {
        let mut actions = Vec::new();
        for idle in std::mem::take(&mut self.idle) {
            if meant(idle.card.slot) {
                let Idle { card, session, .. } = idle;
                actions.push(self.retire(card, session, DiscardReason::Evicted));
            } else {
                self.idle.push_back(idle);
            }
        }
        let mut count = actions.len();
        for card in self.cards_mut().filter(|card| meant(card.slot)) {
            card.retire = Some(DiscardReason::Evicted);
            count += 1;
        }
        self.settle(now, &mut actions);
        (count, actions)
    }

    /// Allows more or fewer sessions. Those beyond the new limit are closed: idle ones now, the
    /// longest idle first; those in use when they come back; those being made when they are there.
    pub(crate) fn resize(&mut self, now: Instant, max: usize, min: usize) -> Actions<S, W, V> {
        self.limits.connections_max = max;
        self.limits.connections_min = min;
        let mut actions = Vec::new();
        while self.is_beyond_limit(0) {
            let Some(Idle { card, session, .. }) = self.idle.pop_front() else { break };
            actions.push(self.discard(card.slot, session, DiscardReason::Evicted));
        }
        self.settle(now, &mut actions);
        actions
    }

    /// Whether there are too many sessions, with `more` than are known here.
    pub(super) fn is_beyond_limit(&self, more: usize) -> bool {
        self.kept() + self.creates.len() + more > self.limits.connections_max
    }

    /// Whoever had a session keeps it.
    pub(crate) fn taken(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        if let Some(at) = self.lent.iter().position(|lent| lent.card.slot == slot) {
            self.lent.swap_remove(at);
            self.totals.taken_total += 1;
        }
        self.settled(now)
    }

    /// Closes a session that is not in use any more, and owes a new one if the minimum needs it.
    pub(super) fn retire(
        &mut self,
        card: Card,
        session: S,
        reason: DiscardReason,
    ) -> super::Action<S, W, V> {
        if self.kept() + self.creates.len() + self.owed.len() < self.limits.connections_min {
            self.owed.push((card.slot, card.lane));
        }
        self.discard(card.slot, session, reason)
    }
}
