use pool_core::DiscardReason;
use tokio::time::Instant;

use super::session::Session;
use super::{Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// What has to be done from time to time, and never at once: closes sessions that nobody has
    /// wanted for long, tests others and replaces those that are due, and makes up for those that
    /// were lost, with `min_connections` in view; reports leases that do not come back.
    ///
    /// It makes none while the lane's latest attempt failed: to find out whether the device is
    /// back is left to those who want something from it.
    pub(crate) fn sweep(&mut self, now: Instant) -> Actions<S, W, V> {
        if self.closed {
            return Actions::new();
        }
        let mut actions = self.close_unwanted(now);
        self.suspect_leaks(now, &mut actions);
        self.rebuild_wanted = true;
        self.settle(now, &mut actions);
        self.start_keepalives(now, &mut actions);
        let Some(lane) = self.home.map(usize::from) else { return actions };
        while self.wanted() < self.limits.connections_min
            && self.free() > 0
            && self.lanes[lane].retry.failing().is_none()
        {
            actions.push(self.start_create(now, lane));
        }
        actions
    }

    /// Starts with the longest idle.
    fn close_unwanted(&mut self, now: Instant) -> Actions<S, W, V> {
        let idle_max = self.limits.options.idle_max;
        let unwanted =
            |session: &Session<S>| now.duration_since(session.wanted) >= session.own(idle_max);
        let spare = self.slots.kept().count().saturating_sub(self.limits.connections_min);
        let mut actions = Actions::new();
        for slot in self.slots.idle_in_order(unwanted).into_iter().take(spare) {
            actions.extend(self.discard_here(slot, DiscardReason::Expired));
        }
        actions
    }
}
