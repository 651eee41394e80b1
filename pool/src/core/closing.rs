use pool_core::{DiscardReason, Error, SlotId};
use tokio::time::Instant;

use super::session::Place;
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Closes a session that is here, idle.
    pub(super) fn discard_here(
        &mut self,
        slot: SlotId,
        reason: DiscardReason,
    ) -> Option<Action<S, W, V>> {
        let session = self.slots.close(slot, false)?;
        self.count_discarded(reason);
        Some(Action::Close { slot, session, reason })
    }

    /// Closes a session that is not in its slot: somebody had it.
    pub(super) fn discard(
        &mut self,
        slot: SlotId,
        session: S,
        reason: DiscardReason,
    ) -> Action<S, W, V> {
        self.slots.close(slot, false);
        self.count_discarded(reason);
        Action::Close { slot, session, reason }
    }

    /// Closes an idle session, and owes a new one if the minimum needs it.
    pub(super) fn retire(
        &mut self,
        slot: SlotId,
        reason: DiscardReason,
    ) -> Option<Action<S, W, V>> {
        let others = self.wanted() - 1 + self.owed();
        let session = self.slots.close(slot, others < self.limits.connections_min)?;
        self.count_discarded(reason);
        Some(Action::Close { slot, session, reason })
    }

    /// Closes an idle session, for a new one in its slot.
    pub(super) fn exchange(
        &mut self,
        slot: SlotId,
        reason: DiscardReason,
    ) -> Option<Action<S, W, V>> {
        let session = self.slots.close(slot, true)?;
        self.count_discarded(reason);
        Some(Action::Close { slot, session, reason })
    }

    /// Closing sessions in whose slots new ones are to be made.
    pub(super) fn owed(&self) -> usize {
        self.slots.closing().filter(|closing| closing.owes).count()
    }

    fn count_discarded(&mut self, reason: DiscardReason) {
        self.totals.discarded += 1;
        self.totals.rebuilt += u32::from(reason == DiscardReason::Rebuilt);
    }

    /// The closing of a session is done.
    pub(crate) fn closed(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        let Some(closing) = self.slots.remove_closing(slot) else { return Actions::new() };
        self.totals.closed += 1;
        let mut actions = self.settled(now);
        if closing.owes {
            self.pay(now, closing, &mut actions);
        }
        actions
    }

    /// Closes the pool: nobody waits any more and nothing is idle; what is being made or tested is
    /// cut off, and what is lent is closed when it comes. A second time, this does nothing.
    pub(crate) fn close(&mut self, now: Instant) -> Actions<S, W, V> {
        if std::mem::replace(&mut self.closed, true) {
            return Actions::new();
        }
        let mut actions = Actions::new();
        for lane in &mut self.lanes {
            let waiters = lane.refuse_all(&Error::Closed).into_iter();
            actions.extend(waiters.map(|waiter| Action::Fail { waiter, error: Error::Closed }));
        }
        for slot in self.slots.idle_in_order(|_| true) {
            actions.extend(self.discard_here(slot, DiscardReason::PoolClosed));
        }
        self.settle(now, &mut actions);
        let creates = self.slots.creating().map(|create| create.cut_off.clone());
        let tests = self.slots.kept().filter_map(|session| match &session.place {
            Place::Tested(test) => Some(test.cut_off.clone()),
            _ => None,
        });
        actions.extend(creates.chain(tests).map(Action::CutOff));
        actions
    }
}
