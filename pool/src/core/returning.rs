use pool_core::{DiscardReason, Disposition, LeaseUse, SlotId};
use tokio::time::Instant;

use super::session::Place;
use super::{Actions, Core};

/// What became of a session that came back in good order.
pub(crate) enum Returned<S, W> {
    /// It is idle.
    Kept,
    /// It was granted to this waiter.
    HandedOn(W),
    /// There is more to decide: tell it to [`Core::released`].
    Unclear(S),
}

impl<S, W, V> Core<S, W, V> {
    /// A lent session came back that can be lent again. This is the short way for what nearly
    /// always follows: it goes to the only queue, or nobody waits and it lies idle.
    ///
    /// `answered` is when its last request ended, if it had any. A lease that was not used says
    /// nothing new about the session, so that it is as fresh as it was before.
    #[inline]
    pub(crate) fn returned(
        &mut self,
        slot: SlotId,
        inner: S,
        answered: Option<Instant>,
    ) -> Returned<S, W> {
        if self.closed || self.rebuild_wanted || self.slots.len() > self.limits.connections_max {
            return Returned::Unclear(inner);
        }
        let turn = self.next_turn();
        let mut queues = self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.is_empty());
        let (queue, other) = (queues.next(), queues.next());
        let Some(session) = self.slots.session_mut(slot) else { return Returned::Unclear(inner) };
        let stays = session.retire.is_none()
            && answered.is_none_or(|now| session.due(now, &self.limits.options.rebuild).is_none());
        let waiter = match queue {
            _ if !stays || other.is_some() => return Returned::Unclear(inner),
            Some((lane, _)) if lane != session.lane() => return Returned::Unclear(inner),
            Some((_, lane)) => lane.pop_oldest(),
            None => None,
        };
        session.inner = Some(inner);
        session.health_failures = 0;
        if let Some(now) = answered {
            session.answered = now;
            session.wanted = now;
        }
        match waiter {
            Some((ticket, waiter)) => {
                session.place = Place::Granted(ticket);
                Returned::HandedOn(waiter)
            }
            None => {
                session.place = Place::Idle(turn);
                Returned::Kept
            }
        }
    }

    /// Notes what was done with a lease that is about to come back.
    pub(crate) fn used(&mut self, slot: SlotId, used: LeaseUse) {
        if let Some(session) = self.slots.session_mut(slot) {
            session.note(used);
        }
    }

    /// A lent session came back.
    pub(crate) fn released(
        &mut self,
        now: Instant,
        slot: SlotId,
        inner: S,
        disposition: Disposition,
    ) -> Actions<S, W, V> {
        let turn = self.next_turn();
        let session = self.slots.session_mut(slot).filter(|_| !self.closed);
        let mut actions = Actions::new();
        match (session, disposition) {
            (Some(session), Disposition::Reuse) => {
                session.inner = Some(inner);
                session.place = Place::Idle(turn);
                session.health_failures = 0;
                session.awaited = false;
                session.answered = now;
                session.wanted = now;
                self.back_in_place(now, slot, &mut actions);
            }
            (_, Disposition::Discard(reason)) => actions.push(self.discard(slot, inner, reason)),
            (None, Disposition::Reuse) => {
                actions.push(self.discard(slot, inner, DiscardReason::PoolClosed));
            }
        }
        self.settle(now, &mut actions);
        actions
    }

    /// Closes a session that has just become idle, if it is not to stay.
    pub(super) fn back_in_place(
        &mut self,
        now: Instant,
        slot: SlotId,
        actions: &mut Actions<S, W, V>,
    ) {
        let beyond_limit = self.is_beyond_limit();
        let Some(session) = self.slots.session_mut(slot) else { return };
        if self.closed {
            actions.extend(self.discard_here(slot, DiscardReason::PoolClosed));
        } else if let Some(reason) = session.retire {
            actions.extend(self.retire(slot, reason));
        } else if beyond_limit {
            actions.extend(self.discard_here(slot, DiscardReason::Evicted));
        } else {
            self.rebuild_wanted |= session.due(now, &self.limits.options.rebuild).is_some();
        }
    }

    /// Whoever had a session keeps it.
    pub(crate) fn taken(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        if self.slots.session_mut(slot).is_some() {
            self.slots.remove(slot);
            self.totals.taken += 1;
        }
        self.settled(now)
    }
}
