//! The three ways to cut an operation short.

use std::future::Future;
use std::time::Duration;

use pool_core::{Context, ErrorKind, Phase, Result};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How late an operation may be back. What it really takes is a matter for benchmarks; this only
/// tells "back" from "held", also on a machine that is busy with other tests.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(2);
/// How often a cut looks whether the operation has come to its phase.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long an operation is left in its phase before it is cut, so that it is deep in it.
const LINGER: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Deadline,
    Cancel,
    Drop,
}

impl Cut {
    pub(crate) const ALL: [Self; 3] = [Self::Deadline, Self::Cancel, Self::Drop];

    /// Runs `operation`, which would stay in `phase` for ever, cuts it short there, and checks that
    /// it was back in time, with the right kind of error and phase.
    pub(crate) async fn apply<T, F: Future<Output = Result<T>>>(
        self,
        phase: Phase,
        operation: impl FnOnce(Context) -> F,
    ) {
        let ended = self.run(phase, deadline_in(phase), operation).await;
        assert!(ended.is_cut, "{self:?}: back before it was cut");
        assert!(ended.late < TOLERANCE, "{self:?}: back only {:?} after it was cut", ended.late);
        assert_eq!(ended.phase, Some(phase), "{self:?}: the phase in the trace");
        let Some(result) = ended.result else { return };
        let Err(error) = result else { panic!("{self:?}: it came to an end") };
        assert_eq!(error.kind(), self.error_kind(), "{self:?}: {error}");
        assert_eq!(error.phase(), Some(phase), "{self:?}: the phase in the error: {error}");
    }

    /// Runs `operation` and cuts it short a moment after it has come to `phase`, or after `limit`
    /// if this is a deadline.
    pub(crate) async fn run<T, F: Future<Output = Result<T>>>(
        self,
        phase: Phase,
        limit: Duration,
        operation: impl FnOnce(Context) -> F,
    ) -> Ended<T> {
        let cancel = CancellationToken::new();
        let limit = match self {
            Self::Deadline => limit,
            Self::Cancel | Self::Drop => Duration::from_secs(60),
        };
        let (ctx, trace) = Context::new(&cancel, limit).traced();
        let deadline = ctx.deadline();
        let reached = async {
            while trace.current() != Some(phase) {
                sleep(LOOK_INTERVAL).await;
            }
            sleep(LINGER).await;
            Instant::now()
        };
        let mut cut_at = deadline;
        let mut operation = Box::pin(operation(ctx));
        let result = match self {
            Self::Deadline => Some(operation.await),
            Self::Cancel | Self::Drop => tokio::select! {
                biased;
                result = &mut operation => Some(result),
                now = reached => {
                    cut_at = now;
                    if matches!(self, Self::Drop) {
                        drop(operation);
                        None
                    } else {
                        cancel.cancel();
                        Some(operation.await)
                    }
                }
            },
        };
        let now = Instant::now();
        let late = now.saturating_duration_since(cut_at);
        Ended { result, is_cut: now >= cut_at, late, phase: trace.current() }
    }

    /// What an operation says that was cut short in this way.
    pub(crate) fn error_kind(self) -> ErrorKind {
        match self {
            Self::Deadline => ErrorKind::DeadlineExceeded,
            Self::Cancel | Self::Drop => ErrorKind::Cancelled,
        }
    }
}

/// How an operation ended that was to be cut short.
pub(crate) struct Ended<T> {
    /// Nothing of one that was dropped.
    pub(crate) result: Option<Result<T>>,
    pub(crate) is_cut: bool,
    /// Time since the cut.
    pub(crate) late: Duration,
    /// The phase in the trace.
    pub(crate) phase: Option<Phase>,
}

impl<T> Ended<T> {
    /// Whether the deadline fell before the operation had come to `phase`.
    pub(crate) fn is_before(&self, phase: Phase) -> bool {
        let kind = self.result.as_ref().and_then(|result| Some(result.as_ref().err()?.kind()));
        kind == Some(ErrorKind::DeadlineExceeded) && self.phase != Some(phase)
    }
}

/// Long enough to come to `phase`, also on a busy machine. A flood before the key exchange is over
/// is an error of its own after a second, and the deadline must come first.
fn deadline_in(phase: Phase) -> Duration {
    match phase {
        Phase::Resolve | Phase::Connect | Phase::Banner | Phase::KeyExchange => {
            Duration::from_millis(600)
        }
        // A farewell gives up by itself after two seconds.
        Phase::Close => Duration::from_millis(1800),
        _ => Duration::from_secs(3),
    }
}
