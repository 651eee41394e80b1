use pool_core::{DiscardReason, SlotId};
use tokio::time::Instant;

use super::session::{Place, Session, Turn};
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Starts to test sessions that have been idle for long, so that one that is lost is replaced
    /// before anybody wants it.
    ///
    /// Not more than half of the idle sessions are tested at a time, those first that would be
    /// lent last: whoever comes meanwhile finds the others.
    pub(super) fn start_keepalives(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        let keepalive_after = self.limits.options.keepalive_after;
        let due = |session: &Session<S>| {
            now.duration_since(session.answered) >= session.own(keepalive_after)
        };
        let under_way = self.slots.kept().filter(|session| session.is_kept_alive()).count();
        let idle = self.slots.kept().filter(|session| session.turn().is_some()).count();
        let share = (idle + under_way).div_ceil(2).saturating_sub(under_way);
        for slot in self.slots.idle_in_order(due).into_iter().take(share) {
            let turn = self.slots.session_mut(slot).and_then(|session| session.turn());
            actions.extend(self.test(now, slot, turn));
        }
    }

    /// A session failed the test that it got while it was idle. If it is still where it was, it
    /// gets a few more tests; it is not lent without having passed one.
    pub(super) fn keepalive_failed(
        &mut self,
        slot: SlotId,
        turn: Turn,
        inner: S,
        broken: bool,
    ) -> Option<Action<S, W, V>> {
        let unhealthy_after = self.limits.options.unhealthy_after;
        let session = self.slots.session_mut(slot)?;
        session.health_failures += 1;
        session.place = Place::Idle(turn);
        session.inner = Some(inner);
        if !broken && session.retire.is_none() && session.health_failures < unhealthy_after {
            return None;
        }
        self.retire(slot, DiscardReason::Unhealthy)
    }

    /// Idle sessions that failed their latest tests.
    pub(super) fn degraded(&self) -> usize {
        let degraded_after = self.limits.options.degraded_after;
        let idle = self.slots.kept().filter(|session| session.turn().is_some());
        idle.filter(|session| session.health_failures >= degraded_after).count()
    }
}
