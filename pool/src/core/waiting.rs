use pool_core::{Result, SlotId};
use tokio::time::Instant;

use super::lending::lend;
use super::session::{Place, Session};
use super::{Actions, Core, Loan, Ticket};

/// What becomes of callers from the moment they queue.
impl<S, W, V> Core<S, W, V> {
    /// Queues a caller behind those who came before, and does what can be done for it.
    pub(crate) fn enqueue(
        &mut self,
        now: Instant,
        lane: usize,
        waiter: W,
    ) -> (Ticket, Actions<S, W, V>) {
        let ticket = Ticket(self.next_id());
        if self.lanes[lane].is_empty() {
            self.begin_series(lane);
        }
        self.lanes[lane].push(ticket, waiter);
        if self.may_only_wait(lane) {
            return (ticket, Actions::new());
        }
        (ticket, self.settled(now))
    }

    /// Nobody waited for the attempts so far any more, so they are not counted against whoever
    /// comes now.
    fn begin_series(&mut self, lane: usize) {
        self.lanes[lane].retry.begin_series();
        for create in self.slots.creating_mut().filter(|create| create.lane == lane) {
            create.charged_since = None;
        }
    }

    /// Whether one caller more changes nothing: every slot is taken by a session that somebody
    /// has, and one of them is of this lane.
    fn may_only_wait(&self, lane: usize) -> bool {
        if self.closed || self.slots.len() < self.limits.connections_max {
            return false;
        }
        let (mut out, mut of_lane) = (0, false);
        for session in self.slots.kept().filter(|session| session.is_out()) {
            out += 1;
            of_lane |= session.lane() == lane;
        }
        of_lane && out == self.slots.len()
    }

    /// What the caller gets that has been granted a session, or is not to wait any longer. It is
    /// told once.
    ///
    /// # Errors
    ///
    /// Why it is not to wait any longer.
    pub(crate) fn collect(
        &mut self,
        now: Instant,
        lane: usize,
        ticket: Ticket,
    ) -> Result<Option<Loan<S>>> {
        if let Some(session) = self.granted(ticket) {
            return Ok(lend(session, now));
        }
        self.lanes[lane].refusal(ticket).map_or(Ok(None), Err)
    }

    /// Takes a caller that gave up out of its queue. What is being made for it goes on, for the
    /// next. If it has been granted a session by now, that is what is returned: it is to be
    /// [`declined`](Self::declined).
    pub(crate) fn leave(&mut self, lane: usize, ticket: Ticket) -> Option<SlotId> {
        self.lanes[lane].remove(ticket);
        self.granted(ticket).map(|session| session.slot)
    }

    /// A session that was granted is not wanted by the caller any more. It goes to the next.
    pub(crate) fn declined(&mut self, now: Instant, slot: SlotId) -> Actions<S, W, V> {
        let turn = self.next_turn();
        if let Some(session) = self.slots.session_mut(slot) {
            session.place = Place::Idle(turn);
            if std::mem::take(&mut session.awaited) {
                session.wanted = session.made;
            }
        }
        let mut actions = Actions::new();
        self.back_in_place(now, slot, &mut actions);
        self.settle(now, &mut actions);
        actions
    }

    /// Who waits with this ticket.
    pub(crate) fn waiter_mut(&mut self, lane: usize, ticket: Ticket) -> Option<&mut W> {
        self.lanes[lane].waiter_mut(ticket)
    }

    /// Everybody who waits.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = &W> {
        self.lanes.iter().flat_map(|lane| lane.waiters())
    }

    /// Whether anybody waits.
    #[inline]
    pub(crate) fn has_waiters(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.is_empty())
    }

    fn granted(&mut self, ticket: Ticket) -> Option<&mut Session<S>> {
        let is_it =
            |session: &&mut Session<S>| matches!(session.place, Place::Granted(to) if to == ticket);
        self.slots.kept_mut().find(is_it)
    }
}
