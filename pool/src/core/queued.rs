use std::sync::Arc;

use pool_core::{DiscardReason, Error, PhaseTrace, SlotId};
use tokio::time::Instant;

use super::slots::Create;
use super::{Action, Actions, Core};

/// Attempts that somebody else holds up before they begin, and sessions that somebody else asks
/// for: a fleet has limits over all of its pools.
impl<S, W, V> Core<S, W, V> {
    /// Notes why an attempt has not begun yet, to say so to those who give up on it. That is not
    /// the device's fault, and counts as no failure of it.
    pub(crate) fn held_up(&mut self, slot: SlotId, why: Error) {
        if let Some(create) = self.slots.creating_mut().find(|create| create.slot == slot) {
            create.held_up = Some(why);
        }
    }

    /// Whether a caller waits for what this attempt will make, and not only for what attempts
    /// before it will.
    pub(crate) fn has_caller(&self, slot: SlotId) -> bool {
        let Some(create) = self.slots.creating().find(|create| create.slot == slot) else {
            return false;
        };
        let lane = create.lane;
        let before = self.slots.creating().take_while(|create| create.slot != slot);
        before.filter(|create| create.lane == lane).count() < self.lanes[lane].len()
    }

    /// An attempt begins. Its time counts from here; its trace says how far it got to those who
    /// give up on it.
    pub(crate) fn begun(&mut self, now: Instant, slot: SlotId, trace: Arc<PhaseTrace>) {
        if let Some(create) = self.slots.creating_mut().find(|create| create.slot == slot) {
            create.held_up = None;
            create.since = now;
            create.charged_since = create.charged_since.map(|_| now);
            create.trace = Some(trace);
        }
    }

    /// An attempt ends before it began, for the pool is closed, or there is no room for one more
    /// session. It did not fail: nothing is counted against the device.
    ///
    /// If it was to replace a session that is idle, that one makes the room: it is closed, and the
    /// new one made when that is done. Somebody who waits for room may be faster, and needs it
    /// more.
    pub(crate) fn create_withdrawn(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        let Some(create) = self.slots.remove_create(slot) else { return Actions::new() };
        let mut actions = Actions::from_iter(self.exchange_instead(&create));
        let closing = create.replaces.and_then(|old| self.slots.closing_mut(old));
        if let Some(closing) = closing.filter(|closing| closing.owes) {
            closing.watchers.extend(create.watchers);
        } else {
            let why = create.held_up.filter(|_| !self.closed).unwrap_or(Error::Closed);
            let tell = |watcher| Action::Tell { watcher, result: Err(why.clone()) };
            actions.extend(create.watchers.into_iter().map(tell));
        }
        // There is no room to replace others either. The next sweep looks again.
        self.rebuild_wanted &= create.replaces.is_none();
        self.settle(now, &mut actions);
        actions
    }

    /// Closes the session that an attempt was to replace, if it is idle and nobody waits for it.
    fn exchange_instead(&mut self, withdrawn: &Create<V>) -> Option<Action<S, W, V>> {
        let old = withdrawn.replaces.filter(|_| !self.closed && !self.has_waiters())?;
        self.slots.session_mut(old).filter(|session| session.turn().is_some())?;
        self.exchange(old, DiscardReason::Rebuilt)
    }

    /// Since when the session is idle that has been so for longest.
    pub(crate) fn longest_idle(&self) -> Option<Instant> {
        self.slots.longest_idle().map(|session| session.wanted)
    }

    /// Closes the longest idle session, for the sake of another pool. Does nothing when none is
    /// idle any more.
    pub(crate) fn evict(&mut self, now: Instant) -> Actions<S, W, V> {
        let Some(slot) = self.slots.longest_idle().map(|session| session.slot) else {
            return Actions::new();
        };
        let mut actions = Vec::from_iter(self.discard_here(slot, DiscardReason::Evicted));
        self.settle(now, &mut actions);
        actions
    }
}
