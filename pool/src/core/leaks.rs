use std::panic::Location;

use pool_core::{PoolEvent, SlotId};
use tokio::time::Instant;

use super::session::Place;
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Notes where a session was taken that has just been lent.
    #[inline]
    pub(crate) fn located(&mut self, slot: SlotId, taken_at: &'static Location<'static>) {
        if let Some(session) = self.slots.session_mut(slot) {
            session.taken_at = Some(taken_at);
        }
    }

    /// Reports leases that have been held for suspiciously long, each once.
    pub(super) fn suspect_leaks(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        let leak_after = self.limits.options.leak_after;
        for session in self.slots.kept_mut().filter(|session| !session.suspected) {
            let held = now.duration_since(session.wanted);
            if matches!(session.place, Place::Lent) && held >= leak_after {
                session.suspected = true;
                self.totals.leak_suspected += 1;
                let (slot, taken_at) = (session.slot, session.taken_at);
                actions.push(Action::Event(PoolEvent::LeakSuspected { slot, held, taken_at }));
            }
        }
    }
}
