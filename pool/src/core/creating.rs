use pool_core::{DiscardReason, Error, Phase, SlotId};
use tokio::time::Instant;

use super::retry::Spent;
use super::{Action, Actions, Card, Core, Create, Idle};

impl<S, W, V> Core<S, W, V> {
    /// A session was made.
    pub(crate) fn created(&mut self, now: Instant, slot: SlotId, session: S) -> Actions<S, W, V> {
        let Some(create) = self.remove_create(slot) else { return Vec::new() };
        self.totals.created_total += 1;
        let opened = self.open_gate(create.lane);
        let tell = |watcher| Action::Tell { watcher, result: Ok(()) };
        let mut actions: Vec<_> = create.watchers.into_iter().map(tell).collect();
        if self.closed {
            actions.push(self.discard(slot, session, DiscardReason::PoolClosed));
        } else if self.is_beyond_limit(1) {
            actions.push(self.discard(slot, session, DiscardReason::Evicted));
        } else {
            self.home = Some(create.lane);
            if let Some(old) = create.replaces {
                self.replaced(old, &mut actions);
            }
            let card = self.new_card(now, slot, create.lane);
            let connect = Some(now.duration_since(create.since));
            self.idle.push_back(Idle { card, session, since: now, returned: now, connect });
        }
        self.settle(now, &mut actions);
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
        let Some(create) = self.remove_create(slot) else { return Vec::new() };
        let lane = create.lane;
        let retry = &mut self.lanes[lane].retry;
        let spent = retry.failed(now, create.round, error, &self.limits, &mut self.jitter);
        let hopeless = match spent {
            Spent::No => false,
            // A full VTY table must not take the lines down that the sessions we do have can
            // serve: they wait on, and the error is there when their deadline passes.
            Spent::Attempts => !self.may_still_serve(create.lane),
            Spent::Permanent => true,
        };
        let mut actions = self.tell_failure(now, create, error, hopeless);
        if spent != Spent::No {
            actions.extend(self.note_gate(now, lane));
        }
        actions
    }

    /// The task that was to make a session is gone, and with it the runtime for a further one.
    pub(crate) fn create_abandoned(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        let Some(create) = self.remove_create(slot) else { return Vec::new() };
        let message = "the runtime that makes sessions was shut down".to_owned();
        let error = Error::Local { phase: Phase::Acquire, message };
        self.tell_failure(now, create, &error, true)
    }

    fn tell_failure(
        &mut self,
        now: Instant,
        create: Create<V>,
        error: &Error,
        hopeless: bool,
    ) -> Actions<S, W, V> {
        self.totals.create_failed_total += 1;
        // An attempt that closing cut off did not fail for a reason of its own.
        let error = if self.closed { &Error::Closed } else { error };
        let tell = |watcher| Action::Tell { watcher, result: Err(error.clone()) };
        let mut actions: Vec<_> = create.watchers.into_iter().map(tell).collect();
        if hopeless {
            let waiters = self.lanes[create.lane].drain();
            actions.extend(waiters.map(|waiter| Action::Fail { waiter, error: error.clone() }));
        }
        self.settle(now, &mut actions);
        actions
    }

    /// Whether somebody who waits in `lane` may get a session without a further attempt.
    pub(super) fn may_still_serve(&self, lane: usize) -> bool {
        self.lent.iter().any(|lent| lent.card.lane == lane)
            || self.checks.iter().any(|check| check.card.lane == lane)
            || self.latest_idle(lane).is_some()
            || self.creates.iter().any(|create| create.lane == lane)
    }

    /// Sessions that are made together are not to go together, so that each has its own limits.
    fn new_card(&mut self, now: Instant, slot: SlotId, lane: usize) -> Card {
        let options = &self.limits.options;
        Card {
            slot,
            lane,
            uses: 0,
            patience: self.jitter.apply(options.idle_max),
            keepalive_after: self.jitter.apply(options.keepalive_after),
            health_failures: 0,
            made: now,
            age_max: self.jitter.apply(options.rebuild.max_age),
            requests: 0,
            failed: 0,
            demanded: false,
            retire: None,
        }
    }

    pub(super) fn remove_create(&mut self, slot: SlotId) -> Option<Create<V>> {
        let at = self.creates.iter().position(|create| create.slot == slot)?;
        Some(self.creates.remove(at))
    }
}
