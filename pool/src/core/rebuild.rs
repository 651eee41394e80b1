use pool_core::{DiscardReason, LeaseUse, PoolEvent, RebuildReason, SlotId};
use tokio::time::Instant;

use super::lane::Lane;
use super::retry::Permission;
use super::{Action, Actions, Card, Core, Idle};
use crate::rebuild::Wear;

impl<S, W, V> Core<S, W, V> {
    /// Notes what was done with a lease that is about to come back.
    pub(crate) fn used(&mut self, slot: SlotId, used: LeaseUse) {
        if used == LeaseUse::default() {
            return;
        }
        if let Some(lent) = self.lent.iter_mut().find(|lent| lent.card.slot == slot) {
            lent.card.requests = lent.card.requests.saturating_add(used.requests);
            lent.card.failed = lent.card.failed.saturating_add(used.failed);
        }
    }

    /// Asks for new sessions in the place of those that are `meant`. Returns how many that are.
    pub(crate) fn demand_rebuild(
        &mut self,
        now: Instant,
        meant: impl Fn(SlotId, usize) -> bool,
    ) -> (usize, Actions<S, W, V>) {
        let mut count = 0;
        if !self.closed {
            for card in self.cards_mut().filter(|card| meant(card.slot, card.lane)) {
                card.demanded = true;
                count += 1;
            }
            self.rebuild_wanted = count > 0;
        }
        (count, self.settled(now))
    }

    /// Why a session is to be replaced, if so.
    pub(super) fn due(&self, card: &Card, now: Instant) -> Option<RebuildReason> {
        if card.demanded {
            return Some(RebuildReason::Demanded);
        }
        self.limits.options.rebuild.reason(Wear {
            uses: card.uses,
            age: now.duration_since(card.made),
            age_max: card.age_max,
            requests: card.requests,
            failed: card.failed,
        })
    }

    /// Replaces sessions that are due, while nobody waits, as many at a time as the policy allows.
    ///
    /// With a free slot the new session is made first; without, an idle one is closed, and the
    /// new one made in its slot. Nothing is given up while the latest attempt to make one failed.
    pub(super) fn rebuild(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        self.rebuild_wanted = false;
        while let Some((slot, lane, reason)) = self.next_due(now) {
            if !self.may_replace_one_more() {
                self.rebuild_wanted = true;
                return;
            }
            self.begin_to_replace(now, slot, lane, reason, actions);
        }
    }

    /// Whether the policy allows that one more is replaced at this moment.
    pub(super) fn may_replace_one_more(&self) -> bool {
        let max = self.limits.options.rebuild.at_a_time(self.limits.connections_max);
        let under_way = self.creates.iter().filter(|create| create.replaces.is_some()).count();
        // A slot that is about to become free is worth waiting for.
        let soon_free = self.free() == 0 && self.closing.len() > self.owed.len();
        under_way + self.owed.len() < max && !soon_free
    }

    /// With a free slot, starts to make the new session; without, closes the old one, which is
    /// idle.
    pub(super) fn begin_to_replace(
        &mut self,
        now: Instant,
        slot: SlotId,
        lane: usize,
        reason: RebuildReason,
        actions: &mut Actions<S, W, V>,
    ) {
        actions.push(Action::Event(PoolEvent::Rebuilding { slot, reason }));
        if self.free() > 0 {
            actions.push(self.start_create(now, lane));
            let create = self.creates.last_mut().expect("it was just started");
            create.replaces = Some(slot);
        } else if let Some(Idle { session, .. }) = self.remove_idle(slot) {
            self.owed.push((slot, lane));
            actions.push(self.discard(slot, session, DiscardReason::Rebuilt));
        }
    }

    /// The oldest session that is due and can be replaced now: idle ones first.
    fn next_due(&self, now: Instant) -> Option<(SlotId, usize, RebuildReason)> {
        let idle = self.idle.iter().map(|idle| &idle.card);
        let lent = self.lent.iter().map(|lent| &lent.card).filter(|_| self.free() > 0);
        let replaceable = |card: &&Card| {
            card.retire.is_none()
                && !self.creates.iter().any(|create| create.replaces == Some(card.slot))
                && self.may_rebuild(now, card.lane)
        };
        let due = |card: &Card| Some((card.slot, card.lane, self.due(card, now)?));
        idle.chain(lent).filter(replaceable).find_map(due)
    }

    pub(super) fn may_rebuild(&self, now: Instant, lane: usize) -> bool {
        let Lane { retry, .. } = &self.lanes[lane];
        let Some(failing) = retry.failing() else { return true };
        let trying = self.is_trying(lane);
        let may_try =
            failing.error.is_transient() && retry.permission(now, trying) == Permission::Now;
        may_try && self.free() > 0
    }

    /// The replacement of `old` is there.
    pub(super) fn replaced(&mut self, old: SlotId, actions: &mut Actions<S, W, V>) {
        if let Some(Idle { session, .. }) = self.remove_idle(old) {
            actions.push(self.discard(old, session, DiscardReason::Rebuilt));
        } else if let Some(card) = self.cards_mut().find(|card| card.slot == old) {
            card.retire = Some(DiscardReason::Rebuilt);
        }
    }

    /// The closing of `slot` is done: makes what is owed for it, if nobody was faster.
    pub(super) fn pay(&mut self, now: Instant, slot: SlotId, actions: &mut Actions<S, W, V>) {
        let Some(at) = self.owed.iter().position(|(owed, _)| *owed == slot) else { return };
        let (_, lane) = self.owed.swap_remove(at);
        if !self.closed && self.free() > 0 && self.lanes[lane].retry.failing().is_none() {
            actions.push(self.start_create(now, lane));
            let create = self.creates.last_mut().expect("it was just started");
            create.replaces = Some(slot);
        }
        self.settle_awaited(slot, lane, actions);
    }

    pub(super) fn remove_idle(&mut self, slot: SlotId) -> Option<Idle<S>> {
        let at = self.idle.iter().position(|idle| idle.card.slot == slot)?;
        self.idle.remove(at)
    }

    /// Everything that is known of the sessions that are there.
    pub(super) fn cards_mut(&mut self) -> impl Iterator<Item = &mut Card> {
        let idle = self.idle.iter_mut().map(|idle| &mut idle.card);
        let lent = self.lent.iter_mut().map(|lent| &mut lent.card);
        idle.chain(lent).chain(self.checks.iter_mut().map(|check| &mut check.card))
    }
}
