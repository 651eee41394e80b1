use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{self, Poll, ready};

use pool_core::{Context, Error, Phase, Result};
use tokio::time::{Instant, Sleep, sleep_until};

/// The one timer of a session, which is left running from one wait to the next.
///
/// A session waits many times for each command, and nearly always for less than a millisecond. A
/// timer that is set for each wait costs more than the wait: setting it wakes the thread that
/// sleeps until the earliest one, and so does the next one. This one is set to the end of the login,
/// and to an earlier moment only when it must be; when it goes off before its time, it is set anew.
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// An alarm on the runtime of the caller, set to `first`.
    pub(crate) fn new(first: Instant) -> Self {
        Self(Box::pin(sleep_until(first)))
    }

    /// Completes at `moment`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn at(&mut self, moment: Instant) {
        poll_fn(|cx| self.poll_at(cx, moment)).await;
    }

    fn poll_at(&mut self, cx: &mut task::Context<'_>, moment: Instant) -> Poll<()> {
        if self.0.deadline() > moment {
            self.0.as_mut().reset(moment);
        }
        loop {
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= moment {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(moment);
        }
    }

    /// Completes when `ctx` has ended, with the error that says how, in `phase`: as
    /// [`Context::ended`] does.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn ended(&mut self, ctx: &Context, phase: Phase) -> Error {
        let never = |_: &mut task::Context<'_>| Poll::<Infallible>::Pending;
        match self.wait(ctx, phase, never).await {
            Err(error) => error,
        }
    }

    /// Waits for `event`, which is polled first, and no longer than `ctx`, which may have ended
    /// before.
    ///
    /// # Errors
    ///
    /// `Cancelled` and `DeadlineExceeded` in `phase`.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `event`.
    pub(crate) async fn wait<T>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        mut event: impl FnMut(&mut task::Context<'_>) -> Poll<T>,
    ) -> Result<T> {
        let mut cancelled = pin!(ctx.cancelled());
        let mut has_waited = false;
        poll_fn(|cx| {
            if let Poll::Ready(event) = event(cx) {
                // The limits of what never has to wait are looked at here, and else below.
                let checked = if has_waited { Ok(()) } else { ctx.check(phase) };
                return Poll::Ready(checked.map(|()| event));
            }
            has_waited = true;
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::Cancelled { phase }));
            }
            self.poll_at(cx, ctx.deadline()).map(|()| Err(ctx.deadline_exceeded(phase)))
        })
        .await
    }

    /// [`Context::run`], with this timer.
    ///
    /// # Errors
    ///
    /// As [`Context::run`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    pub(crate) async fn run<T>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        future: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        ctx.check(phase)?;
        ctx.enter(phase);
        let mut future = pin!(future);
        self.wait(ctx, phase, |cx| future.as_mut().poll(cx)).await?
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.deadline()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pool_core::ErrorKind;
    use tokio::time::timeout;

    use super::*;

    const FIRST: Duration = Duration::from_secs(1);

    fn alarm() -> Alarm {
        Alarm::new(Instant::now() + FIRST)
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_off_at_its_moment_whatever_it_was_set_to_before() {
        let mut alarm = alarm();
        // Earlier than the first one, later, much later while the one before was given up, and
        // earlier than that.
        for (millis, is_given_up) in
            [(10, false), (3000, false), (60_000, true), (5000, false), (1, false), (0, false)]
        {
            let begun = Instant::now();
            let wait = Duration::from_millis(millis);
            let patience = if is_given_up { Duration::from_millis(7) } else { wait * 2 };
            let waited = timeout(patience, alarm.at(begun + wait)).await;
            assert_eq!(waited.is_err(), is_given_up, "{millis}");
            assert_eq!(begun.elapsed(), if is_given_up { patience } else { wait });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_went_off_while_nobody_waited_is_set_anew() {
        let mut alarm = alarm();
        timeout(Duration::from_millis(1), alarm.at(Instant::now() + FIRST)).await.unwrap_err();
        tokio::time::advance(FIRST * 9).await;
        let begun = Instant::now();
        alarm.at(begun + FIRST).await;
        assert_eq!(begun.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_what_a_context_ends() {
        let mut alarm = alarm();
        let ctx = Context::detached(Duration::from_millis(50));
        let error = alarm.ended(&ctx, Phase::Read).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::DeadlineExceeded, Some(Phase::Read)));
        assert_eq!(ctx.elapsed(), Duration::from_millis(50));

        let cancel = tokio_util::sync::CancellationToken::new();
        let ctx = Context::new(&cancel, Duration::from_secs(9));
        cancel.cancel();
        let error = alarm.ended(&ctx, Phase::Write).await;
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(ctx.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_has_to_be_waited_for_ends_with_the_context_all_the_same() {
        let mut alarm = alarm();
        let at_once = |_: &mut task::Context<'_>| Poll::Ready(7);
        let ctx = Context::detached(FIRST);
        assert_eq!(alarm.wait(&ctx, Phase::Read, at_once).await.unwrap(), 7);
        tokio::time::advance(FIRST).await;
        let error = alarm.wait(&ctx, Phase::Read, at_once).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    }
}
