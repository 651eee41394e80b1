use std::sync::Arc;

use pool_core::{ConnectionConfig, DiscardReason, SlotId};
use tokio::time::Instant;

use super::{Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Closes the sessions that are `meant`: idle ones now, those in use when they come back.
    /// Returns how many that are. What is missing then to keep the minimum is made anew.
    pub(crate) fn evict_all(
        &mut self,
        now: Instant,
        meant: impl Fn(SlotId) -> bool,
    ) -> (usize, Actions<S, W, V>) {
        let mut actions = Actions::new();
        for slot in self.slots.idle_in_order(|session| meant(session.slot)) {
            actions.extend(self.retire(slot, DiscardReason::Evicted));
        }
        let mut count = actions.len();
        for session in self.slots.kept_mut().filter(|session| meant(session.slot)) {
            session.retire = Some(DiscardReason::Evicted);
            count += 1;
        }
        self.settle(now, &mut actions);
        (count, actions)
    }

    /// Another configuration from now on, by which the same sessions are made.
    pub(crate) fn adopt(
        &mut self,
        now: Instant,
        config: Arc<ConnectionConfig>,
    ) -> Actions<S, W, V> {
        let (max, min) = (config.max_connections, config.min_connections);
        self.limits.config = config;
        self.resize(now, max, min)
    }

    /// Allows more or fewer sessions. Those beyond the new limit are closed: idle ones now, the
    /// longest idle first; those in use when they come back; those being made when they are there.
    pub(crate) fn resize(&mut self, now: Instant, max: usize, min: usize) -> Actions<S, W, V> {
        self.limits.connections_max = max;
        self.limits.connections_min = min;
        let mut actions = Actions::new();
        while self.is_beyond_limit() {
            let Some(slot) = self.slots.longest_idle().map(|session| session.slot) else { break };
            actions.extend(self.discard_here(slot, DiscardReason::Evicted));
        }
        self.settle(now, &mut actions);
        actions
    }
}
