use pool_core::{Error, RebuildReason, SlotId};
use tokio::time::Instant;

use super::{Actions, Core};

/// What becomes of the wish for a new session in the place of another.
#[derive(Debug)]
pub(crate) enum Wish {
    /// The new one is being made, or will be once the old one is closed. A watcher hears of it.
    Begun,
    /// It would take something from somebody. It may be tried again.
    NotNow,
    /// The old one is not there any more.
    Gone,
    /// New ones cannot be made.
    Refused(Error),
}

impl<S, W, V> Core<S, W, V> {
    /// Every session that could be replaced, with its lane: idle ones first, the longest idle at
    /// the front.
    pub(crate) fn replaceable(&self) -> Vec<(SlotId, usize)> {
        let mut sessions: Vec<_> =
            self.slots.kept().filter(|session| session.retire.is_none()).collect();
        sessions.sort_by_key(|session| (session.turn().is_none(), session.turn()));
        sessions.iter().map(|session| (session.slot, session.lane())).collect()
    }

    /// Begins to replace `slot`, if that can be done now. Other than a demand, this leaves nothing
    /// to be done later. `watcher` hears how it ends; if it does not begin, it is dropped.
    pub(crate) fn replace_now(
        &mut self,
        now: Instant,
        slot: SlotId,
        watcher: V,
    ) -> (Wish, Actions<S, W, V>) {
        let session = self.slots.session_mut(slot).filter(|session| session.retire.is_none());
        let Some((lane, is_idle)) =
            session.map(|session| (session.lane(), session.turn().is_some()))
        else {
            return (Wish::Gone, Actions::new());
        };
        if self.closed {
            return (Wish::Gone, Actions::new());
        }
        let mut creates = self.slots.creating_mut();
        if let Some(create) = creates.find(|create| create.replaces == Some(slot)) {
            create.watchers.push(watcher);
            return (Wish::Begun, Actions::new());
        }
        drop(creates);
        if let Some(failing) = self.lanes[lane].retry.failing()
            && !self.may_rebuild(now, lane)
        {
            return (Wish::Refused(failing.error.clone()), Actions::new());
        }
        let replaces_first = self.free() > 0;
        if self.has_waiters() || !self.may_replace_one_more() || !(replaces_first || is_idle) {
            return (Wish::NotNow, Actions::new());
        }
        let mut actions = Actions::new();
        self.begin_to_replace(now, slot, lane, RebuildReason::Demanded, &mut actions);
        if replaces_first {
            self.newest_create().watchers.push(watcher);
        } else if let Some(closing) = self.slots.closing_mut(slot) {
            closing.watchers.push(watcher);
        }
        (Wish::Begun, actions)
    }
}
