use pool_core::DiscardReason;
use tokio::time::Instant;

use super::{Action, Actions, Card, Check, Core, Idle};

impl<S, W, V> Core<S, W, V> {
    /// Starts to test sessions that have been idle for long, so that one that is lost is replaced
    /// before anybody wants it.
    ///
    /// Not more than half of the idle sessions are tested at a time, those first that would be
    /// lent last: whoever comes meanwhile finds the others.
    pub(super) fn start_keepalives(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        let under_way = self.checks.iter().filter(|check| check.is_keepalive()).count();
        let share = (self.idle.len() + under_way).div_ceil(2);
        for _ in under_way..share {
            let due = |idle: &Idle<S>| now.duration_since(idle.since) >= idle.card.keepalive_after;
            let Some(at) = self.idle.iter().position(due) else { return };
            let Some(Idle { card, session, since, returned, .. }) = self.idle.remove(at) else {
                return;
            };
            let was_idle = Some((since, returned));
            self.checks.push(Check { card, since: now, was_idle });
            actions.push(Action::Check { slot: card.slot, session });
        }
    }

    /// A session passed a test. That is no use of it: `returned` is when it was used last.
    pub(super) fn passed(&mut self, now: Instant, returned: Instant, card: Card, session: S) {
        let card = Card { health_failures: 0, ..card };
        self.put_back(Idle { card, session, since: now, returned, connect: None });
    }

    /// A session failed the test that it got while it was idle. If it is still where it was, it
    /// gets a few more tests; it is not lent without having passed one.
    pub(super) fn keepalive_failed(
        &mut self,
        (since, returned): (Instant, Instant),
        mut card: Card,
        session: S,
        broken: bool,
    ) -> Option<Action<S, W, V>> {
        card.health_failures += 1;
        if !broken
            && card.retire.is_none()
            && card.health_failures < self.limits.options.unhealthy_after
        {
            self.put_back(Idle { card, session, since, returned, connect: None });
            return None;
        }
        Some(self.retire(card, session, DiscardReason::Unhealthy))
    }

    /// Puts a session back to its place among the idle ones, which are in the order in which they
    /// came back from use.
    fn put_back(&mut self, idle: Idle<S>) {
        let at = self.idle.partition_point(|other| other.returned <= idle.returned);
        self.idle.insert(at, idle);
    }

    /// Idle sessions that failed their latest tests.
    pub(super) fn degraded(&self) -> usize {
        self.idle.iter().filter(|idle| self.is_degraded(&idle.card)).count()
    }

    pub(super) fn is_degraded(&self, card: &Card) -> bool {
        card.health_failures >= self.limits.options.degraded_after
    }
}
