use std::panic::Location;

use pool_core::{PoolEvent, SlotId};
use tokio::time::Instant;

use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Notes where a session was taken that has just been lent.
    pub(crate) fn located(&mut self, slot: SlotId, taken_at: &'static Location<'static>) {
        // It is among the latest: the search starts there.
        if let Some(lent) = self.lent.iter_mut().rfind(|lent| lent.card.slot == slot) {
            lent.taken_at = Some(taken_at);
        }
    }

    /// Reports leases that have been held for suspiciously long, each once.
    pub(super) fn suspect_leaks(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        let leak_after = self.limits.options.leak_after;
        for lent in self.lent.iter_mut().filter(|lent| !lent.suspected) {
            let held = now.duration_since(lent.since);
            if held >= leak_after {
                lent.suspected = true;
                self.totals.leak_suspected_total += 1;
                let (slot, taken_at) = (lent.card.slot, lent.taken_at);
                actions.push(Action::Event(PoolEvent::LeakSuspected { slot, held, taken_at }));
            }
        }
    }
}
