use pool_core::{DiscardReason, Error, SlotId};
use tokio::time::Instant;

use super::retry::Spent;
use super::session::Session;
use super::slots::{Create, Slot};
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// A session was made.
    pub(crate) fn created(&mut self, now: Instant, slot: SlotId, inner: S) -> Actions<S, W, V> {
        let beyond_limit = self.is_beyond_limit();
        let Some(create) = self.slots.remove_create(slot) else { return Actions::new() };
        self.totals.created += 1;
        let opened = self.open_gate(create.lane);
        let tell = |watcher| Action::Tell { watcher, result: Ok(()) };
        let mut actions: Actions<S, W, V> = create.watchers.into_iter().map(tell).collect();
        let turn = self.next_turn();
        let session = Session::new(slot, create.lane, turn, create.since, now);
        self.slots.push(Slot::Kept(session));
        if self.closed {
            actions.push(self.discard(slot, inner, DiscardReason::PoolClosed));
        } else if beyond_limit {
            actions.push(self.discard(slot, inner, DiscardReason::Evicted));
        } else {
            self.home = u8::try_from(create.lane).ok();
            if let Some(session) = self.slots.session_mut(slot) {
                session.inner = Some(inner);
            }
            if let Some(old) = create.replaces {
                self.replaced(old, &mut actions);
            }
        }
        self.settle(now, &mut actions);
        // Only a caller that waited for it is told how long that took.
        if let Some(session) = self.slots.session_mut(slot).filter(|s| s.turn().is_some()) {
            session.awaited = false;
            session.wanted = now;
        }
        actions.extend(opened);
        actions
    }

    /// A session could not be made.
    pub(crate) fn create_failed(
        &mut self,
        now: Instant,
        slot: SlotId,
        error: &Error,
    ) -> Actions<S, W, V> {
        let Some(create) = self.slots.remove_create(slot) else { return Actions::new() };
        let (lane, began) = (create.lane, create.charged_since.unwrap_or(now));
        let retry = &mut self.lanes[lane].retry;
        let spent = retry.failed(now, began, create.round, error, &self.limits);
        let hopeless = match spent {
            Spent::No => false,
            // A full VTY table must not take the lines down that the sessions we do have can
            // serve: they wait on, and the error is there when their deadline passes.
            Spent::Attempts => !self.may_still_serve(lane),
            Spent::Permanent => true,
        };
        let mut actions = self.tell_failure(now, *create, error, hopeless);
        if spent != Spent::No {
            actions.extend(self.note_gate(now, lane));
        }
        actions
    }

    /// The task that was to make a session is gone, and with it the runtime for a further one.
    pub(crate) fn create_abandoned(
        &mut self,
        now: Instant,
        slot: SlotId,
        error: &Error,
    ) -> Actions<S, W, V> {
        let Some(create) = self.slots.remove_create(slot) else { return Actions::new() };
        self.tell_failure(now, *create, error, true)
    }

    fn tell_failure(
        &mut self,
        now: Instant,
        create: Create<V>,
        error: &Error,
        hopeless: bool,
    ) -> Actions<S, W, V> {
        self.totals.create_failed += 1;
        // An attempt that closing cut off did not fail for a reason of its own.
        let error = if self.closed { &Error::Closed } else { error };
        let tell = |watcher| Action::Tell { watcher, result: Err(error.clone()) };
        let mut actions: Vec<_> = create.watchers.into_iter().map(tell).collect();
        if hopeless {
            let waiters = self.lanes[create.lane].refuse_all(error).into_iter();
            actions.extend(waiters.map(|waiter| Action::Fail { waiter, error: error.clone() }));
        }
        self.settle(now, &mut actions);
        actions
    }

    /// Whether somebody who waits in `lane` may get a session without a further attempt.
    pub(super) fn may_still_serve(&self, lane: usize) -> bool {
        self.slots.kept().any(|session| session.lane() == lane)
            || self.slots.creating().any(|create| create.lane == lane)
    }
}
