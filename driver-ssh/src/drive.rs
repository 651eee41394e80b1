use pool_core::{Context, Phase, Result};
use tokio::io::Interest;

use crate::engine::{Engine, Fault};
use crate::error::session_error;
use crate::readiness::wait_ready;
use crate::session::SshSession;
use crate::work::Work;

/// Where a piece of work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the thread that drives the session, one of the runtime's: for what is short, and does
    /// not touch files.
    Here,
    /// On a thread of its own.
    Apart,
}

impl SshSession {
    /// Works on the session until `work` is done, in stretches between which it is parked on the
    /// socket. `work` is repeated for as long as it returns [`Fault::Again`] or [`Fault::More`],
    /// after the latter [apart](Place::Apart).
    ///
    /// # Errors
    ///
    /// Whatever `work` failed with, `DeadlineExceeded` and `Cancelled`, in the phase the work had
    /// come to. After any error the session is dead.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future kills the session. Nothing of it remains.
    pub(crate) async fn drive<T, W>(&mut self, ctx: &Context, phase: Phase, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        self.drive_at(Place::Here, ctx, phase, None, work).await
    }

    /// [`drive`](Self::drive), for work that touches files or computes for long.
    pub(crate) async fn drive_apart<T, W>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        self.drive_at(Place::Apart, ctx, phase, None, work).await
    }

    /// [`drive`](Self::drive), for work that an earlier one has left waiting: it starts only when
    /// the socket is `awaited`.
    pub(crate) async fn drive_after<T, W>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        awaited: Option<Interest>,
        work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        // Without anything to wait for, the earlier work has left off in mid-flow.
        let place = if awaited.is_some() { Place::Here } else { Place::Apart };
        self.drive_at(place, ctx, phase, awaited, work).await
    }

    /// [`drive`](Self::drive), at first in `place`, and when the socket is `awaited`.
    pub(crate) async fn drive_at<T, W>(
        &mut self,
        place: Place,
        ctx: &Context,
        phase: Phase,
        awaited: Option<Interest>,
        work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        let work = self.drive_work(place, ctx, phase, awaited, Work::new(work)).await?;
        Ok(work.done().expect("work is driven to its end, and brings what it is made for"))
    }

    /// [`drive_at`](Self::drive_at), for all work alike, which is given back.
    async fn drive_work(
        &mut self,
        place: Place,
        ctx: &Context,
        phase: Phase,
        awaited: Option<Interest>,
        work: Work,
    ) -> Result<Work> {
        let guard = self.kill.guard();
        let result = self.drive_on(place, ctx, phase, awaited, work).await;
        match &result {
            Ok(_) => guard.disarm(),
            Err(_) => drop(guard),
        }
        result.map_err(|error| self.blame(error))
    }

    /// Works on the session once, on the spot, and gives nothing away for that: `work` may borrow.
    /// `None` if that cannot be, or if the work waits for something; the rest of it can be
    /// [driven](Self::drive) then.
    ///
    /// # Errors
    ///
    /// As [`drive`](Self::drive).
    pub(crate) fn try_here<T>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        work: impl FnOnce(&mut Engine) -> Result<T, Fault>,
    ) -> Result<Option<T>> {
        let done = self.go_once(ctx, phase, work);
        done.map_err(|error| {
            self.kill.fire();
            self.blame(error)
        })
    }

    fn go_once<T>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        work: impl FnOnce(&mut Engine) -> Result<T, Fault>,
    ) -> Result<Option<T>> {
        ctx.check(phase)?;
        let Some(watched) = self.watched(Place::Here) else { return Ok(None) };
        ctx.enter(phase);
        self.drained = None;
        match self.here(watched, phase, work)? {
            Ok(done) => Ok(Some(done)),
            Err(Fault::Again | Fault::More) => Ok(None),
            Err(Fault::Ssh(error)) => Err(self.hung_up_or(session_error(&error, phase))),
            Err(Fault::Failed(error)) => Err(error),
        }
    }

    async fn drive_on(
        &mut self,
        mut place: Place,
        ctx: &Context,
        mut phase: Phase,
        mut awaited: Option<Interest>,
        mut work: Work,
    ) -> Result<Work> {
        if self.is_being_read() {
            Box::pin(self.settle(ctx, phase)).await?;
        }
        ctx.check(phase)?;
        ctx.enter(phase);
        loop {
            if let Some(awaited) = awaited.take() {
                wait_ready(&self.socket, ctx, &mut self.alarm, phase, awaited).await?;
            }
            let stretch;
            (work, stretch) = self.stretch(place, ctx, &mut phase, work).await?;
            match stretch.result {
                Ok(()) => return Ok(work),
                Err(Fault::More) => place = Place::Apart,
                Err(Fault::Again) => awaited = stretch.awaited,
                Err(Fault::Ssh(error)) => {
                    return Err(self.hung_up_or(session_error(&error, phase)));
                }
                Err(Fault::Failed(error)) => return Err(error),
            }
        }
    }
}
