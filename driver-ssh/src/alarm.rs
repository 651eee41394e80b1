use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use pool_core::{Context, Error, Phase};
use tokio::time::{Instant, Sleep, sleep};

/// When a timer goes off that nobody has waited for yet: before any deadline that matters.
const FIRST: Duration = Duration::from_secs(1);

/// The one timer of a session, which is left running from one wait to the next.
///
/// A session waits many times for each command, and nearly always for less than a millisecond. A
/// timer that is set for each wait costs more than the wait: setting it wakes the thread that
/// sleeps until the earliest one, and so does the next one. This one is only ever set to an
/// earlier moment when it must be; when it goes off before its time, it is set anew.
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// An alarm on the runtime of the caller.
    pub(crate) fn new() -> Self {
        Self(Box::pin(sleep(FIRST)))
    }

    /// Completes at `moment`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn at(&mut self, moment: Instant) {
        if self.0.deadline() > moment {
            self.0.as_mut().reset(moment);
        }
        loop {
            self.0.as_mut().await;
            if Instant::now() >= moment {
                return;
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
        tokio::select! {
            biased;
            () = ctx.cancelled() => Error::Cancelled { phase },
            () = self.at(ctx.deadline()) => ctx.deadline_exceeded(phase),
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.deadline()).finish()
    }
}

#[cfg(test)]
mod tests {
    use pool_core::ErrorKind;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_off_at_its_moment_whatever_it_was_set_to_before() {
        let mut alarm = Alarm::new();
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
        let mut alarm = Alarm::new();
        timeout(Duration::from_millis(1), alarm.at(Instant::now() + FIRST)).await.unwrap_err();
        tokio::time::advance(FIRST * 9).await;
        let begun = Instant::now();
        alarm.at(begun + FIRST).await;
        assert_eq!(begun.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_what_a_context_ends() {
        let mut alarm = Alarm::new();
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
}
