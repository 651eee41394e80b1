use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{Error, Phase, PhaseTrace, Result};

/// The limits of one operation: a cancellation token and an absolute deadline, both always there.
///
/// A context is the first argument of everything that can wait. It is passed down by reference;
/// a stage that has a shorter timeout of its own takes a [`capped`](Self::capped) copy, and no
/// stage can extend what its caller set.
///
/// Cloning is cheap (one or two reference counts).
#[derive(Clone, Debug)]
pub struct Context {
    /// Shared, because to clone a token is to lock it.
    cancel: Arc<CancellationToken>,
    started: Instant,
    deadline: Instant,
    trace: Option<Arc<PhaseTrace>>,
}

impl Context {
    /// A context that ends after `timeout`, or when `cancel` or a parent of it is cancelled.
    ///
    /// A timeout too long for the clock to represent is cut to about 30 years.
    pub fn new(cancel: &CancellationToken, timeout: Duration) -> Self {
        let started = Instant::now();
        let deadline = started.checked_add(timeout).unwrap_or_else(|| started + FAR_AWAY);
        Self { cancel: Arc::new(cancel.child_token()), started, deadline, trace: None }
    }

    /// A context that nobody cancels, for callers that have no token: legacy spellings and tests.
    pub fn detached(timeout: Duration) -> Self {
        Self::new(&CancellationToken::new(), timeout)
    }

    /// The same limits, with the deadline at most `timeout` from now. It never moves outwards.
    #[must_use]
    pub fn capped(&self, timeout: Duration) -> Self {
        let now = Instant::now();
        let own = now.checked_add(timeout).unwrap_or(self.deadline);
        Self { started: now, deadline: self.deadline.min(own), ..self.clone() }
    }

    /// The same limits, recording the phases of whatever runs under them in a fresh
    /// [`PhaseTrace`].
    #[must_use]
    pub fn traced(&self) -> (Self, Arc<PhaseTrace>) {
        let trace = Arc::new(PhaseTrace::default());
        (Self { trace: Some(trace.clone()), ..self.clone() }, trace)
    }

    /// As [`traced`](Self::traced), for a part of an operation: whoever traces the whole sees its
    /// phases, too.
    pub fn traced_within(&self) -> (Self, Arc<PhaseTrace>) {
        let trace = Arc::new(PhaseTrace::within(self.trace.clone()));
        (Self { trace: Some(trace.clone()), ..self.clone() }, trace)
    }

    /// The same limits, recording nothing: for a part of an operation whose phases are its own
    /// affair.
    #[must_use]
    pub fn untraced(self) -> Self {
        Self { trace: None, ..self }
    }

    /// Notes that the operation has come to `phase`. Without a trace this does nothing.
    pub fn enter(&self, phase: Phase) {
        if let Some(trace) = &self.trace {
            trace.enter(phase);
        }
    }

    /// The moment by which the operation is back.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time since this context was made.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time until the deadline; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether the operation was cancelled. A passed deadline is not a cancellation.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Completes when the operation is cancelled, and does not complete at the deadline.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Completes when the operation is cancelled or its deadline has passed, with the error that
    /// says which, in `phase`.
    ///
    /// For waits that [`run`](Self::run) does not fit, inside a `select!`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ended(&self, phase: Phase) -> Error {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Error::Cancelled { phase },
            () = sleep_until(self.deadline) => self.deadline_exceeded(phase),
        }
    }

    /// Fails if the operation was cancelled or its deadline has passed.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] or [`Error::DeadlineExceeded`], in `phase`.
    pub fn check(&self, phase: Phase) -> Result<()> {
        if self.is_cancelled() {
            Err(Error::Cancelled { phase })
        } else if Instant::now() >= self.deadline {
            Err(self.deadline_exceeded(phase))
        } else {
            Ok(())
        }
    }

    /// Runs `future` within the limits, and notes `phase` in the trace.
    ///
    /// A context that has already ended does not poll the future at all. Otherwise the future is
    /// dropped at the deadline or on cancellation, so it must be safe to drop there.
    ///
    /// # Errors
    ///
    /// The future's own, or [`Error::Cancelled`] or [`Error::DeadlineExceeded`] in `phase`.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    pub async fn run<T>(&self, phase: Phase, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.check(phase)?;
        self.enter(phase);
        tokio::select! {
            biased;
            result = future => result,
            ended = self.ended(phase) => Err(ended),
        }
    }

    /// The error of an operation that ran into its deadline in `phase`.
    pub fn deadline_exceeded(&self, phase: Phase) -> Error {
        Error::DeadlineExceeded { phase, elapsed: self.elapsed(), last: None }
    }
}

/// What a timeout beyond the clock's range is cut to, as tokio's own timers do.
const FAR_AWAY: Duration = Duration::from_secs(86_400 * 365 * 30);

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::ErrorKind;

    #[tokio::test(start_paused = true)]
    async fn run_ends_at_the_deadline_and_names_the_phase() {
        let ctx = Context::detached(Duration::from_millis(100));
        let before = Instant::now();
        let error = ctx.run(Phase::Connect, pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(error.phase(), Some(Phase::Connect));
        assert_eq!(before.elapsed(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_the_parent_ends_a_run_as_cancelled() {
        let parent = CancellationToken::new();
        let ctx = Context::new(&parent, Duration::from_secs(10)).capped(Duration::from_secs(5));
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            parent.cancel();
        };
        let (result, ()) = tokio::join!(ctx.run(Phase::Read, pending::<Result<()>>()), cancel);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_context_never_starts_the_future() {
        let ctx = Context::detached(Duration::ZERO);
        let result = ctx.run(Phase::Connect, async { panic!("polled") }).await;
        let result: Result<()> = result;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    }

    #[tokio::test(start_paused = true)]
    async fn capped_shortens_and_never_extends() {
        let ctx = Context::detached(Duration::from_secs(1));
        assert_eq!(ctx.capped(Duration::from_secs(9)).deadline(), ctx.deadline());
        assert_eq!(ctx.capped(Duration::from_millis(5)).remaining(), Duration::from_millis(5));
        assert_eq!(ctx.capped(Duration::MAX).deadline(), ctx.deadline());
        assert!(Context::detached(Duration::MAX).remaining() > Duration::from_secs(86_400));
    }

    #[tokio::test(start_paused = true)]
    async fn who_traces_a_part_takes_nothing_from_who_traces_the_whole() {
        let (whole, outer) = Context::detached(Duration::from_secs(1)).traced();
        whole.enter(Phase::Connect);
        let (part, inner) = whole.traced_within();
        part.enter(Phase::Banner);
        assert_eq!(inner.spans().len(), 1);
        assert_eq!(outer.spans().len(), 2);
        part.clone().untraced().enter(Phase::Read);
        assert_eq!((inner.spans().len(), outer.spans().len()), (1, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trace_says_how_far_an_operation_got_after_it_was_dropped() {
        let (ctx, trace) = Context::detached(Duration::from_secs(1)).traced();
        let login = async {
            ctx.enter(Phase::Connect);
            tokio::time::sleep(Duration::from_millis(300)).await;
            ctx.capped(Duration::from_secs(9)).enter(Phase::KeyExchange);
            pending::<Result<()>>().await
        };
        ctx.run(Phase::Connect, login).await.unwrap_err();
        assert_eq!(trace.current(), Some(Phase::KeyExchange));
        let spans: Vec<_> = trace.spans().iter().map(|s| s.elapsed.as_millis()).collect();
        assert_eq!(spans, [300, 700]);
    }
}
