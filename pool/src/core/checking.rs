use pool_core::{DiscardReason, SlotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::session::{Place, Test, Turn};
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Takes the latest idle session of `lane`, which has been idle for long, to be tested.
    pub(super) fn start_check(&mut self, now: Instant, lane: usize) -> Option<Action<S, W, V>> {
        let order = self.limits.options.lend;
        let at = self.slots.first_idle(order, |session| session.lane() == lane)?;
        let slot = self.slots.session_at(at)?.slot;
        self.test(now, slot, None)
    }

    /// Takes an idle session to be tested; `was_idle` is its turn, if nobody asks for it.
    pub(super) fn test(
        &mut self,
        now: Instant,
        slot: SlotId,
        was_idle: Option<Turn>,
    ) -> Option<Action<S, W, V>> {
        let session = self.slots.session_mut(slot)?;
        let inner = session.inner.take()?;
        let cut_off = CancellationToken::new();
        let test = Test { since: now, was_idle, cut_off: cut_off.clone() };
        session.place = Place::Tested(Box::new(test));
        Some(Action::Check { slot, session: inner, cut_off })
    }

    /// A session still answers. It goes to whoever is the oldest caller by now.
    pub(crate) fn checked(&mut self, now: Instant, slot: SlotId, inner: S) -> Actions<S, W, V> {
        let turn = self.next_turn();
        let mut actions = Actions::new();
        match self.slots.session_mut(slot) {
            Some(session) => {
                let was_idle = session.test().and_then(|test| test.was_idle);
                // To pass a test that nobody asked for is no use of it.
                session.place = Place::Idle(was_idle.unwrap_or(turn));
                if was_idle.is_none() {
                    session.wanted = now;
                }
                session.inner = Some(inner);
                session.answered = now;
                session.health_failures = 0;
                self.back_in_place(now, slot, &mut actions);
            }
            None => actions.push(self.discard(slot, inner, DiscardReason::PoolClosed)),
        }
        self.settle(now, &mut actions);
        actions
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
        inner: S,
        broken: bool,
    ) -> Actions<S, W, V> {
        self.totals.health_failed += 1;
        let mut actions = Actions::new();
        let session = self.slots.session_mut(slot).filter(|_| !self.closed);
        let tested = session.and_then(|s| Some((s.lane(), s.test()?.was_idle)));
        match tested {
            Some((_, Some(turn))) => {
                actions.extend(self.keepalive_failed(slot, turn, inner, broken));
            }
            Some((lane, None)) => {
                actions.push(self.discard(slot, inner, DiscardReason::Unhealthy));
                self.condemn_stale(now, lane, &mut actions);
            }
            None => actions.push(self.discard(slot, inner, DiscardReason::Unhealthy)),
        }
        self.settle(now, &mut actions);
        actions
    }

    fn condemn_stale(&mut self, now: Instant, lane: usize, actions: &mut Actions<S, W, V>) {
        let check_after = self.limits.options.check_when_idle_for;
        let degraded_after = self.limits.options.degraded_after;
        let stale = self.slots.idle_in_order(|session| {
            session.lane() == lane && !session.is_fresh(now, check_after, degraded_after)
        });
        for slot in stale {
            actions.extend(self.discard_here(slot, DiscardReason::Unhealthy));
        }
    }

    /// The task that tested a session is gone, and the session with it.
    pub(crate) fn check_abandoned(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        if self.slots.session_mut(slot).is_some() {
            self.slots.remove(slot);
            self.totals.discarded += 1;
            self.totals.closed += 1;
        }
        self.settled(now)
    }
}
