use pool_core::{Error, RebuildReason, SlotId};
use tokio::time::Instant;

use super::lane::Lane;
use super::{Action, Actions, Card, Core};

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
        let cards = self.cards().filter(|card| card.retire.is_none());
        cards.map(|card| (card.slot, card.lane)).collect()
    }

    /// Begins to replace `slot`, if that can be done now. Other than a demand, this leaves nothing
    /// to be done later. `watcher` hears how it ends; if it does not begin, it is dropped.
    pub(crate) fn replace_now(
        &mut self,
        now: Instant,
        slot: SlotId,
        watcher: V,
    ) -> (Wish, Actions<S, W, V>) {
        let card = self.cards().find(|card| card.slot == slot && card.retire.is_none());
        let Some(&Card { lane, .. }) = card.filter(|_| !self.closed) else {
            return (Wish::Gone, Vec::new());
        };
        if let Some(create) = self.creates.iter_mut().find(|create| create.replaces == Some(slot)) {
            create.watchers.push(watcher);
            return (Wish::Begun, Vec::new());
        }
        if let Some(failing) = self.lanes[lane].retry.failing()
            && !self.may_rebuild(now, lane)
        {
            return (Wish::Refused(failing.error.clone()), Vec::new());
        }
        let is_idle = self.idle.iter().any(|idle| idle.card.slot == slot);
        let nobody_waits = self.lanes.iter().all(Lane::is_empty);
        if !nobody_waits || !self.may_replace_one_more() || (self.free() == 0 && !is_idle) {
            return (Wish::NotNow, Vec::new());
        }
        let mut actions = Vec::new();
        let replaces_first = self.free() > 0;
        self.begin_to_replace(now, slot, lane, RebuildReason::Demanded, &mut actions);
        match self.creates.last_mut() {
            Some(create) if replaces_first => create.watchers.push(watcher),
            _ => self.awaited.push((slot, watcher)),
        }
        (Wish::Begun, actions)
    }

    /// What was owed in `lane` for `slot` is being made, or will not be: lets those who wait for it
    /// follow the attempt, or tells them.
    pub(super) fn settle_awaited(
        &mut self,
        slot: SlotId,
        lane: usize,
        actions: &mut Actions<S, W, V>,
    ) {
        let Some(at) = self.awaited.iter().position(|(awaited, _)| *awaited == slot) else {
            return;
        };
        let (_, watcher) = self.awaited.swap_remove(at);
        if let Some(create) = self.creates.iter_mut().find(|create| create.replaces == Some(slot)) {
            create.watchers.push(watcher);
            return;
        }
        let result = match self.lanes[lane].retry.failing() {
            _ if self.closed => Err(Error::Closed),
            // Somebody who came meanwhile has the slot, and a new session in it.
            _ if self.free() == 0 => Ok(()),
            Some(failing) => Err(failing.error.clone()),
            None => Ok(()),
        };
        actions.push(Action::Tell { watcher, result });
    }

    fn cards(&self) -> impl Iterator<Item = &Card> {
        let idle = self.idle.iter().map(|idle| &idle.card);
        let lent = self.lent.iter().map(|lent| &lent.card);
        idle.chain(self.checks.iter().map(|check| &check.card)).chain(lent)
    }
}
