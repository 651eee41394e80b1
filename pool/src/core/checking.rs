use pool_core::{DiscardReason, SlotId};
use tokio::time::Instant;

use super::{Action, Actions, Card, Check, Core, Idle};

impl<S, W, V> Core<S, W, V> {
    /// Takes the latest idle session of `lane`, which has been idle for long, to be tested.
    pub(super) fn start_check(&mut self, now: Instant, lane: usize) -> Option<Action<S, W, V>> {
        let at = self.latest_idle(lane)?;
        let Idle { card, session, .. } = self.idle.remove(at)?;
        self.checks.push(Check { card, since: now });
        Some(Action::Check { slot: card.slot, session })
    }

    /// A session still answers. It goes to whoever is the oldest caller by now.
    pub(crate) fn checked(&mut self, now: Instant, slot: SlotId, session: S) -> Actions<S, W, V> {
        match self.remove_check(slot) {
            Some(Card { retire: Some(reason), .. }) if !self.closed => {
                self.discard_and_settle(now, slot, session, reason)
            }
            Some(card) if !self.closed => {
                self.idle.push_back(Idle { card, session, since: now, connect: None });
                self.settled(now)
            }
            _ => self.discard_and_settle(now, slot, session, DiscardReason::PoolClosed),
        }
    }

    /// A session does not answer any more. The caller that it was tested for keeps its place.
    ///
    /// Sessions of the same protocol that have been idle for even longer are closed with it, or
    /// the caller might spend its whole time on testing one after another in vain.
    pub(crate) fn check_failed(
        &mut self,
        now: Instant,
        slot: SlotId,
        session: S,
    ) -> Actions<S, W, V> {
        let lane = self.remove_check(slot).map(|card| card.lane);
        self.totals.health_failed_total += 1;
        let mut actions = vec![self.discard(slot, session, DiscardReason::Unhealthy)];
        let idle = std::mem::take(&mut self.idle);
        for idle in idle {
            if Some(idle.card.lane) == lane && !self.is_fresh(&idle, now) {
                actions.push(self.discard(idle.card.slot, idle.session, DiscardReason::Unhealthy));
            } else {
                self.idle.push_back(idle);
            }
        }
        self.settle(now, &mut actions);
        actions
    }

    /// The task that tested a session is gone, and the session with it.
    pub(crate) fn check_abandoned(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        if self.remove_check(slot).is_some() {
            self.totals.discarded_total += 1;
            self.totals.closed_total += 1;
        }
        self.settled(now)
    }

    fn remove_check(&mut self, slot: SlotId) -> Option<Card> {
        let at = self.checks.iter().position(|check| check.card.slot == slot)?;
        Some(self.checks.swap_remove(at).card)
    }
}
