use pool_core::{Error, Result};
use tokio::time::Instant;

use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Starts as many attempts as `lane` needs to have `count` sessions, as far as there are free
    /// slots, and lets a watcher follow each, also those that were under way.
    pub(crate) fn warm_up(
        &mut self,
        now: Instant,
        lane: usize,
        count: usize,
        mut watch: impl FnMut() -> V,
    ) -> Result<Actions<S, W, V>> {
        if self.closed {
            return Err(Error::Closed);
        }
        let mut missing = count.saturating_sub(self.ready(lane));
        for create in self.slots.creating_mut().filter(|create| create.lane == lane).take(missing) {
            create.watchers.push(watch());
            missing -= 1;
        }
        let mut actions = Actions::new();
        while missing > 0 && self.free() > 0 {
            if !self.may_create(now, lane, &mut actions) {
                // The schedule of attempts is the lane's, not the caller's: it is told how the
                // latest one ended.
                let failing = self.lanes[lane].retry.failing();
                let result = failing.map_or(Ok(()), |failing| Err(failing.error.clone()));
                actions.push(Action::Tell { watcher: watch(), result });
                break;
            }
            actions.push(self.start_create(now, lane));
            self.newest_create().watchers.push(watch());
            missing -= 1;
        }
        Ok(actions)
    }

    /// Sessions of `lane` that are idle, lent or being tested.
    pub(crate) fn ready(&self, lane: usize) -> usize {
        self.slots.kept().filter(|session| session.lane() == lane).count()
    }
}
