//! The three ways to cut an operation short.

use std::future::Future;
use std::time::Duration;

use pool_core::{Context, Error, ErrorKind, Phase, Result};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How late an operation may be back. What it really takes is a matter for benchmarks; this only
/// tells "back" from "held", also on a machine that is busy with other tests.
const TOLERANCE: Duration = Duration::from_secs(2);
/// How often a cut looks whether the operation has come to its phase.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

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
        let cancel = CancellationToken::new();
        let limit = match self {
            Self::Deadline => deadline_in(phase),
            Self::Cancel | Self::Drop => Duration::from_secs(60),
        };
        let (ctx, trace) = Context::new(&cancel, limit).traced();
        let deadline = ctx.deadline();
        let reached = async {
            while trace.current() != Some(phase) {
                sleep(LOOK_INTERVAL).await;
            }
            Instant::now()
        };
        let (result, cut_at) = match self {
            Self::Deadline => (Some(operation(ctx).await), deadline),
            Self::Cancel => {
                let cancelling = async {
                    let cut_at = reached.await;
                    cancel.cancel();
                    cut_at
                };
                let (result, cut_at) = tokio::join!(operation(ctx), cancelling);
                (Some(result), cut_at)
            }
            Self::Drop => tokio::select! {
                result = operation(ctx) => (Some(result), Instant::now()),
                cut_at = reached => (None, cut_at),
            },
        };
        let late = cut_at.elapsed();
        assert!(Instant::now() >= cut_at, "{self:?}: back before it was cut");
        assert!(late < TOLERANCE, "{self:?}: back only {late:?} after it was cut");
        assert_eq!(trace.current(), Some(phase), "{self:?}: the phase in the trace");
        let Some(result) = result else { return };
        let Err(error) = result else { panic!("{self:?}: it came to an end") };
        self.check(&error);
        assert_eq!(error.phase(), Some(phase), "{self:?}: the phase in the error: {error}");
    }

    fn check(self, error: &Error) {
        let expected = match self {
            Self::Deadline => ErrorKind::DeadlineExceeded,
            Self::Cancel | Self::Drop => ErrorKind::Cancelled,
        };
        assert_eq!(error.kind(), expected, "{self:?}: {error}");
    }
}

/// Long enough to come to `phase`, also on a busy machine. A flood before the key exchange is over
/// is an error of its own after a second, and the deadline must come first.
fn deadline_in(phase: Phase) -> Duration {
    match phase {
        Phase::Connect | Phase::Banner | Phase::KeyExchange => Duration::from_millis(600),
        // A farewell gives up by itself after two seconds.
        Phase::Close => Duration::from_millis(1800),
        _ => Duration::from_secs(3),
    }
}
