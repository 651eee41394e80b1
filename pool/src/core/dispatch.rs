use pool_core::{DiscardReason, Error};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::retry::Permission;
use super::session::{Place, Ticket};
use super::slots::{Create, Slot};
use super::{Action, Actions, Core};

impl<S, W, V> Core<S, W, V> {
    /// Runs the dispatcher after an event, and notices when a closed pool has come to its end.
    ///
    /// Every event that changes anything ends here, so no way of losing a session can leave
    /// somebody waiting for nothing.
    pub(super) fn settle(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        if self.closed {
            if self.slots.len() == 0 {
                actions.push(Action::Drained);
            }
        } else if self.has_waiters() {
            self.turn_away(now, actions);
            self.dispatch(now, actions);
            // The dispatcher may have closed the last session of a lane to make room for another.
            self.turn_away(now, actions);
        } else if self.rebuild_wanted {
            self.rebuild(now, actions);
        }
    }

    /// What follows from an event that asks for no action by itself.
    pub(super) fn settled(&mut self, now: Instant) -> Actions<S, W, V> {
        let mut actions = Actions::new();
        self.settle(now, &mut actions);
        actions
    }

    /// Tells those who wait behind a shut gate, when the last session that could have served them
    /// is gone.
    fn turn_away(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        for lane in 0..self.lanes.len() {
            if let Some(error) = self.turned_away(now, lane) {
                let waiters = self.lanes[lane].refuse_all(&error).into_iter();
                actions.extend(waiters.map(|waiter| Action::Fail { waiter, error: error.clone() }));
            }
        }
    }

    /// Why there is no use in waiting in `lane`, if so: its gate is shut, and it has no session.
    pub(super) fn turned_away(&self, now: Instant, lane: usize) -> Option<Error> {
        let failing = self.lanes[lane].retry.shut(now)?;
        (!self.may_still_serve(lane)).then(|| failing.turns_away(now))
    }

    /// Serves tickets strictly in the order in which they came, over all lanes.
    ///
    /// Each gets the first of: an idle session; a test or an attempt that is under way; a test of
    /// a session that has been idle for long; a free slot to make one in; a slot that is about to
    /// become free; the slot of an idle session of another lane.
    /// A ticket that gets nothing ends the run, for there is nothing left to give.
    fn dispatch(&mut self, now: Instant, actions: &mut Actions<S, W, V>) {
        self.cover_by_what_is_under_way();
        // Slots that closing sessions will leave and that are promised to nobody yet.
        let mut room = self.slots.closing().count();
        while let Some(lane) = self.next_to_serve(now) {
            if let Some(grant) = self.grant(now, lane) {
                actions.push(grant);
                continue;
            }
            if let Some(check) = self.start_check(now, lane) {
                actions.push(check);
            } else if !self.may_create(now, lane, actions) {
                self.lanes[lane].covered = None;
                continue;
            } else if self.free() > 0 {
                actions.push(self.start_create(now, lane));
            } else if room > 0 {
                room -= 1;
            } else {
                let longest_idle = self.slots.longest_idle().map(|session| session.slot);
                let Some(slot) = longest_idle else { return };
                actions.extend(self.discard_here(slot, DiscardReason::Evicted));
            }
            self.lanes[lane].cover_one();
        }
    }

    /// Keeps a session that can be lent at once for the oldest waiter of `lane`.
    fn grant(&mut self, now: Instant, lane: usize) -> Option<Action<S, W, V>> {
        let slot = self.first_ready(now, lane)?.slot;
        let (ticket, waiter) = self.lanes[lane].pop_oldest()?;
        let session = self.slots.session_mut(slot)?;
        session.place = Place::Granted(ticket);
        if !session.awaited {
            session.wanted = now;
        }
        Some(Action::Grant { waiter, slot })
    }

    fn cover_by_what_is_under_way(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.covered = Some(0));
        for create in self.slots.creating() {
            self.lanes[create.lane].cover_one();
        }
        // A test that nobody asked for delays nobody who can have a session of his own.
        let free = self.free() > 0;
        let tested = self.slots.kept().filter(|session| session.test().is_some());
        for session in tested.filter(|session| !(free && session.is_kept_alive())) {
            self.lanes[session.lane()].cover_one();
        }
    }

    /// The lane whose turn it is: the one with the oldest ticket that could be given something.
    fn next_to_serve(&self, now: Instant) -> Option<usize> {
        let candidate = |lane: usize| -> Option<(Ticket, usize)> {
            let before = if self.has_ready(now, lane) { 0 } else { self.lanes[lane].covered? };
            Some((self.lanes[lane].nth(before)?, lane))
        };
        (0..self.lanes.len()).filter_map(candidate).min().map(|(_, lane)| lane)
    }

    /// Whether `lane` may start an attempt; if only later, sees to it that somebody looks again.
    pub(super) fn may_create(
        &mut self,
        now: Instant,
        lane: usize,
        actions: &mut Actions<S, W, V>,
    ) -> bool {
        let trying = self.is_trying(lane);
        match self.lanes[lane].retry.permission(now, trying) {
            Permission::Now => true,
            Permission::AfterAttempt => false,
            Permission::At(time) => {
                if self.lanes[lane].retry.arm(now, time) {
                    actions.push(Action::WakeAt(time));
                }
                false
            }
        }
    }

    /// Whether an attempt of the current round of `lane` is under way.
    pub(super) fn is_trying(&self, lane: usize) -> bool {
        let round = self.lanes[lane].retry.round();
        self.slots.creating().any(|create| create.lane == lane && create.round == round)
    }

    /// Takes a free slot for an attempt.
    pub(super) fn start_create(&mut self, now: Instant, lane: usize) -> Action<S, W, V> {
        let slot = pool_core::SlotId(self.next_id());
        let retry = &mut self.lanes[lane].retry;
        let timeout = retry.start(now, &self.limits);
        let round = retry.round();
        let cut_off = CancellationToken::new();
        self.slots.push(Slot::Creating(Box::new(Create {
            slot,
            lane,
            round,
            since: now,
            charged_since: Some(now),
            replaces: None,
            trace: None,
            cut_off: cut_off.clone(),
            held_up: None,
            watchers: Vec::new(),
        })));
        Action::Create { slot, lane, timeout, cut_off }
    }

    /// The attempt that was just started.
    pub(super) fn newest_create(&mut self) -> &mut Create<V> {
        self.slots.creating_mut().last().expect("it was just started")
    }
}
