use pool_core::{DiscardReason, SlotId};
use tokio::time::Instant;

use super::{Action, Actions, Check, Core, Idle};

impl<S, W, V> Core<S, W, V> {
    /// Takes the latest idle session of `lane`, which has been idle for long, to be tested.
    pub(super) fn start_check(&mut self, now: Instant, lane: usize) -> Option<Action<S, W, V>> {
        let at = self.latest_idle(lane)?;
        let Idle { card, session, .. } = self.idle.remove(at)?;
        self.checks.push(Check { card, since: now, was_idle: None });
        Some(Action::Check { slot: card.slot, session })
    }

    /// A session still answers. It goes to whoever is the oldest caller by now.
    pub(crate) fn checked(&mut self, now: Instant, slot: SlotId, session: S) -> Actions<S, W, V> {
        let Some(Check { card, was_idle, .. }) = self.remove_check(slot).filter(|_| !self.closed)
        else {
            return self.discard_and_settle(now, slot, session, DiscardReason::PoolClosed);
        };
        if let Some(reason) = card.retire {
            let mut actions = vec![self.retire(card, session, reason)];
            self.settle(now, &mut actions);
            return actions;
        }
        if self.is_beyond_limit(1) {
            return self.discard_and_settle(now, slot, session, DiscardReason::Evicted);
        }
        let returned = was_idle.map_or(now, |(_, returned)| returned);
        self.passed(now, returned, card, session);
        self.settled(now)
    }

    /// A session failed its test. The caller that it was tested for, if any, keeps its place.
    /// `broken` means that the session is in an unknown state by now.
    ///
    /// If somebody waits for the test, sessions of the same protocol that have been idle for even
    /// longer are closed with it, or the caller might spend its whole time on testing one after
    /// another in vain.
    pub(crate) fn check_failed(
        &mut self,
        now: Instant,
        slot: SlotId,
        session: S,
        broken: bool,
    ) -> Actions<S, W, V> {
        self.totals.health_failed_total += 1;
        let mut actions = Vec::new();
        match self.remove_check(slot).filter(|_| !self.closed) {
            Some(Check { card, was_idle: Some(was_idle), .. }) => {
                actions.extend(self.keepalive_failed(was_idle, card, session, broken));
            }
            Some(Check { card, .. }) => {
                actions.push(self.discard(slot, session, DiscardReason::Unhealthy));
                self.condemn_stale(now, card.lane, &mut actions);
            }
            None => actions.push(self.discard(slot, session, DiscardReason::Unhealthy)),
        }
        self.settle(now, &mut actions);
        actions
    }

    fn condemn_stale(&mut self, now: Instant, lane: usize, actions: &mut Actions<S, W, V>) {
        for idle in std::mem::take(&mut self.idle) {
            if idle.card.lane == lane && !self.is_fresh(&idle, now) {
                let Idle { card, session, .. } = idle;
                actions.push(self.discard(card.slot, session, DiscardReason::Unhealthy));
            } else {
                self.idle.push_back(idle);
            }
        }
    }

    /// The task that tested a session is gone, and the session with it.
    pub(crate) fn check_abandoned(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        if self.remove_check(slot).is_some() {
            self.totals.discarded_total += 1;
            self.totals.closed_total += 1;
        }
        self.settled(now)
    }

    fn remove_check(&mut self, slot: SlotId) -> Option<Check> {
        let at = self.checks.iter().position(|check| check.card.slot == slot)?;
        Some(self.checks.swap_remove(at))
    }
}
