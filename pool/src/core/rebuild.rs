use pool_core::{DiscardReason, Error, PoolEvent, RebuildReason, SlotId};
use tokio::time::Instant;

use super::lane::Lane;
use super::retry::Permission;
use super::session::Session;
use super::slots::Closing;
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Asks for new sessions in the place of those that are `meant`. Returns how many that are.
    pub(crate) fn demand_rebuild(
        &mut self,
        now: Instant,
        meant: impl Fn(SlotId, usize) -> bool,
    ) -> (usize, Actions<S, W, V>) {
        let mut count = 0;
        if !self.closed {
            for session in self.slots.kept_mut().filter(|s| meant(s.slot, s.lane())) {
                session.demanded = true;
                count += 1;
            }
            self.rebuild_wanted = count > 0;
        }
        (count, self.settled(now))
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
        let owed = self.owed();
        // A slot that is about to become free is worth waiting for.
        let soon_free = self.free() == 0 && self.slots.closing().count() > owed;
        self.replacing() + owed < max && !soon_free
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
            self.newest_create().replaces = Some(slot);
        } else {
            actions.extend(self.exchange(slot, DiscardReason::Rebuilt));
        }
    }

    /// The oldest session that is due and can be replaced now: idle ones first.
    fn next_due(&self, now: Instant) -> Option<(SlotId, usize, RebuildReason)> {
        let due = |session: &Session<S>| {
            let reason = session.due(now, &self.limits.options.rebuild)?;
            let replaced = |replaces: Option<SlotId>| replaces == Some(session.slot);
            let replaceable = session.retire.is_none()
                && !self.slots.creating().any(|create| replaced(create.replaces))
                && self.may_rebuild(now, session.lane());
            replaceable.then_some((session.slot, session.lane(), reason))
        };
        let idle = self.slots.kept().filter_map(|s| Some((s.turn()?, due(s)?)));
        let idle = idle.min_by_key(|(turn, _)| *turn).map(|(_, due)| due);
        let in_use = || self.slots.kept().filter(|session| session.is_out());
        idle.or_else(|| in_use().filter(|_| self.free() > 0).find_map(due))
    }

    /// Attempts under way to replace a session.
    fn replacing(&self) -> usize {
        self.slots.creating().filter(|create| create.replaces.is_some()).count()
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
        let Some(session) = self.slots.session_mut(old) else { return };
        if session.turn().is_some() {
            actions.extend(self.discard_here(old, DiscardReason::Rebuilt));
        } else {
            session.retire = Some(DiscardReason::Rebuilt);
        }
    }

    /// The closing of a session is done: makes what is owed for it, if nobody was faster. Who waits
    /// for that follows the attempt, or is told.
    pub(super) fn pay(
        &mut self,
        now: Instant,
        closing: Closing<V>,
        actions: &mut Actions<S, W, V>,
    ) {
        let Closing { slot, lane, watchers, .. } = closing;
        let failing = self.lanes[lane].retry.failing().map(|failing| failing.error.clone());
        if !self.closed && self.free() > 0 && failing.is_none() {
            actions.push(self.start_create(now, lane));
            let create = self.newest_create();
            create.replaces = Some(slot);
            create.watchers = watchers;
        } else {
            let result = match failing {
                _ if self.closed => Err(Error::Closed),
                // Somebody who came meanwhile has the slot, and a new session in it.
                Some(error) if self.free() > 0 => Err(error),
                _ => Ok(()),
            };
            let tell = |watcher| Action::Tell { watcher, result: result.clone() };
            actions.extend(watchers.into_iter().map(tell));
        }
    }
}
