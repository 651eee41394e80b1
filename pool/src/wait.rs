use std::panic::Location;
use std::sync::Arc;

use pool_core::{Context, Error, Lease, LeaseInfo, Phase, Protocol, Result, SlotId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::core::{GetOutcome, Ticket};
use crate::shared::Shared;

impl Shared {
    /// See [`pool_core::ConnectionPool::get_with_context`].
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        ctx: &Context,
        protocol: Protocol,
        taken_at: Option<&'static Location<'static>>,
    ) -> Result<Lease> {
        let lane = self.lane(protocol).inspect_err(|_| self.core().count(GetOutcome::Failed))?;
        let asked = Instant::now();
        let waiting = match self.take_or_queue(ctx, lane, asked, taken_at)? {
            Turn::Now(lease) => return Ok(lease),
            Turn::Queued(waiting) => waiting,
        };
        waiting.served(ctx).await
    }

    /// Looks for an idle session and queues under one lock: a session that is released in between
    /// would otherwise be missed.
    fn take_or_queue(
        self: &Arc<Self>,
        ctx: &Context,
        lane: usize,
        asked: Instant,
        taken_at: Option<&'static Location<'static>>,
    ) -> Result<Turn> {
        if ctx.is_cancelled() {
            self.core().count(GetOutcome::Cancelled);
            return Err(Error::Cancelled { phase: Phase::Acquire });
        }
        let mut core = self.core();
        let loan = core.take(asked, lane).inspect_err(|_| core.count(GetOutcome::Failed))?;
        if let Some(loan) = loan {
            core.count(GetOutcome::Lent { reused: loan.reused });
            if let Some(taken_at) = taken_at {
                core.located(loan.slot, taken_at);
            }
            drop(core);
            return Ok(Turn::Now(self.lend(loan)));
        }
        if let Err(ended) = ctx.check(Phase::Acquire) {
            core.count(GetOutcome::TimedOut);
            return Err(ended.with_last(core.cause(lane, asked, asked)));
        }
        let (waiter, answer) = oneshot::channel();
        let (ticket, actions) = core.enqueue(asked, lane, waiter);
        drop(core);
        let place = Place {
            shared: self.clone(),
            lane,
            ticket,
            outcome: GetOutcome::Cancelled,
            taken: None,
        };
        self.perform(actions);
        Ok(Turn::Queued(Waiting { place, answer, asked, taken_at }))
    }
}

/// What a caller gets at once.
enum Turn {
    Now(Lease),
    Queued(Waiting),
}

/// A caller in the queue.
struct Waiting {
    // Dropped first, so that nothing more is sent to a receiver that is about to go.
    place: Place,
    answer: oneshot::Receiver<Result<Lease>>,
    asked: Instant,
    taken_at: Option<&'static Location<'static>>,
}

impl Waiting {
    /// Waits for what the pool sends, or for the end of the context. Only here is a timer made.
    async fn served(mut self, ctx: &Context) -> Result<Lease> {
        let answer = tokio::select! {
            biased;
            answer = &mut self.answer => answer.unwrap_or(Err(Error::Closed)),
            ended = ctx.ended(Phase::Acquire) => return Err(self.gave_up(ended)),
        };
        self.place.outcome = match &answer {
            Ok(lease) => GetOutcome::Lent { reused: lease.info().reused },
            Err(_) => GetOutcome::Failed,
        };
        let mut lease = answer?;
        self.place.taken = self.taken_at.map(|taken_at| (lease.slot(), taken_at));
        lease.set_info(LeaseInfo { waited: self.asked.elapsed(), ..lease.info() });
        Ok(lease)
    }

    /// The end of the context, with what was waited for.
    fn gave_up(&mut self, ended: Error) -> Error {
        let Place { shared, lane, outcome, .. } = &mut self.place;
        if matches!(ended, Error::Cancelled { .. }) {
            return ended;
        }
        *outcome = GetOutcome::TimedOut;
        let cause = shared.core().cause(*lane, self.asked, Instant::now());
        ended.with_last(cause)
    }
}

/// A place in the queue. Dropping it, at any await, leaves the queue and counts how it ended; a
/// lease that was just sent comes back by its own drop.
struct Place {
    shared: Arc<Shared>,
    lane: usize,
    ticket: Ticket,
    outcome: GetOutcome,
    /// What was lent in the end, and where.
    taken: Option<(SlotId, &'static Location<'static>)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut core = self.shared.core();
        core.leave(self.lane, self.ticket);
        core.count(self.outcome);
        if let Some((slot, taken_at)) = self.taken {
            core.located(slot, taken_at);
        }
    }
}
