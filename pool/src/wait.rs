use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use pool_core::{Context, Error, Lease, LeaseInfo, Phase, Protocol, Result};
use tokio::time::Instant;

use crate::alarm::{Waiter, Watched};
use crate::core::{GetOutcome, Loan, Ticket};
use crate::shared::{Session, Shared};

/// What a caller asks for.
#[derive(Clone, Copy)]
struct Wish<'a> {
    ctx: &'a Context,
    protocol: Protocol,
    asked: Instant,
    /// Where, if that is known.
    at: Option<&'static Location<'static>>,
}

impl Shared {
    /// See [`pool_core::ConnectionPool::get_with_context`].
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        ctx: &Context,
        protocol: Protocol,
        at: Option<&'static Location<'static>>,
    ) -> Result<Lease> {
        let wish = Wish { ctx, protocol, asked: Instant::now(), at };
        match poll_fn(|cx| Poll::Ready(self.take_or_queue(wish, cx.waker()))).await? {
            Turn::Now(lease) => Ok(lease),
            Turn::Queued(waiting) => waiting.served().await,
        }
    }

    /// Looks for an idle session and queues under one lock: a session that is released in between
    /// would otherwise be missed.
    #[inline]
    fn take_or_queue<'a>(self: &Arc<Self>, wish: Wish<'a>, waker: &Waker) -> Result<Turn<'a>> {
        let cancelled = wish.ctx.is_cancelled();
        let mut watched = self.watched();
        let core = &mut watched.core;
        let lane = match core.lane(wish.protocol) {
            Some(lane) if !cancelled => lane,
            lane => return Err(self.turned_away(&mut watched, wish, lane)),
        };
        let taken = core.take(wish.asked, lane).inspect_err(|_| core.count(GetOutcome::Failed))?;
        let Some(loan) = taken else { return self.queue(watched, wish, lane, waker) };
        lent(&mut watched, wish, &loan);
        drop(watched);
        Ok(Turn::Now(self.lend(loan, LeaseInfo::default())))
    }

    #[cold]
    fn turned_away(&self, watched: &mut Watched, wish: Wish<'_>, lane: Option<usize>) -> Error {
        let (outcome, error) = match lane {
            Some(_) => (GetOutcome::Cancelled, Error::Cancelled { phase: Phase::Acquire }),
            None => (GetOutcome::Failed, self.unsupported(wish.protocol)),
        };
        watched.core.count(outcome);
        error
    }

    fn queue<'a>(
        self: &Arc<Self>,
        mut watched: parking_lot::MutexGuard<'_, Watched>,
        wish: Wish<'a>,
        lane: usize,
        waker: &Waker,
    ) -> Result<Turn<'a>> {
        let deadline = wish.ctx.deadline();
        if wish.asked >= deadline {
            watched.core.count(GetOutcome::TimedOut);
            let cause = watched.core.cause(lane, wish.asked, wish.asked);
            return Err(wish.ctx.deadline_exceeded(Phase::Acquire).with_last(cause));
        }
        let waiter = Waiter { waker: waker.clone(), deadline };
        watched.watch(&waiter, self);
        let (ticket, actions) = watched.core.enqueue(wish.asked, lane, waiter);
        drop(watched);
        let waiting = Waiting { shared: self.clone(), wish, lane, ticket, in_queue: true };
        self.perform(actions);
        Ok(Turn::Queued(waiting))
    }
}

fn lent(watched: &mut Watched, wish: Wish<'_>, loan: &Loan<Session>) {
    watched.core.count(GetOutcome::Lent { reused: loan.reused });
    if let Some(at) = wish.at {
        watched.core.located(loan.slot, at);
    }
}

/// What a caller gets at once.
enum Turn<'a> {
    Now(Lease),
    Queued(Waiting<'a>),
}

/// A caller in the queue. Dropping it, at any await, leaves the queue; a session that it has been
/// granted meanwhile goes to the next.
struct Waiting<'a> {
    shared: Arc<Shared>,
    wish: Wish<'a>,
    lane: usize,
    ticket: Ticket,
    /// Until it is told how it ends.
    in_queue: bool,
}

impl Waiting<'_> {
    /// Waits for what the pool decides, or for the end of the context.
    async fn served(mut self) -> Result<Lease> {
        let mut cancelled = pin!(self.wish.ctx.cancelled());
        let mut woken = false;
        poll_fn(|cx| {
            // It has just queued with this waker when it comes here first.
            if std::mem::replace(&mut woken, true)
                && let Some(answer) = self.answer(cx.waker())
            {
                return Poll::Ready(answer);
            }
            let cancelled = cancelled.as_mut().poll(cx);
            cancelled.map(|()| Err(Error::Cancelled { phase: Phase::Acquire }))
        })
        .await
    }

    /// What the pool has decided, or the deadline; none as long as there is nothing to tell.
    fn answer(&mut self, waker: &Waker) -> Option<Result<Lease>> {
        let now = Instant::now();
        let Self { shared, wish, lane, ticket, .. } = self;
        let mut watched = shared.watched();
        let answer = match watched.core.collect(now, *lane, *ticket) {
            Ok(Some(loan)) => {
                lent(&mut watched, *wish, &loan);
                Ok(loan)
            }
            Err(error) => {
                watched.core.count(GetOutcome::Failed);
                Err(error)
            }
            Ok(None) if now >= wish.ctx.deadline() => {
                watched.core.leave(*lane, *ticket);
                watched.core.count(GetOutcome::TimedOut);
                let cause = watched.core.cause(*lane, wish.asked, now);
                Err(wish.ctx.deadline_exceeded(Phase::Acquire).with_last(cause))
            }
            Ok(None) => {
                let waiter = Waiter { waker: waker.clone(), deadline: wish.ctx.deadline() };
                watched.watch(&waiter, shared);
                if let Some(place) = watched.core.waiter_mut(*lane, *ticket) {
                    *place = waiter;
                }
                return None;
            }
        };
        self.in_queue = false;
        let (alarm, next) = watched.unwatch();
        drop(watched);
        drop(alarm);
        next.into_iter().for_each(Waker::wake);
        let waited = now.duration_since(self.wish.asked);
        let info = LeaseInfo { waited, ..LeaseInfo::default() };
        Some(answer.map(|loan| self.shared.lend(loan, info)))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.in_queue {
            return;
        }
        let mut watched = self.shared.watched();
        watched.core.count(GetOutcome::Cancelled);
        let granted = watched.core.leave(self.lane, self.ticket);
        let (alarm, next) = watched.unwatch();
        drop(watched);
        drop(alarm);
        next.into_iter().for_each(Waker::wake);
        if let Some(slot) = granted {
            self.shared.apply(|core, now| core.declined(now, slot));
        }
    }
}
