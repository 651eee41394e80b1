//! The three ways to cut an operation short.

use std::future::Future;
use std::time::Duration;

use pool_core::{Context, Error, ErrorKind, Phase, Result};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// When the operation is cut.
pub(crate) const CUT_AFTER: Duration = Duration::from_millis(200);
/// How late it may be back. What it really takes is a matter for benchmarks; this only tells
/// "back" from "held".
const TOLERANCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Deadline,
    Cancel,
    Drop,
}

impl Cut {
    pub(crate) const ALL: [Self; 3] = [Self::Deadline, Self::Cancel, Self::Drop];

    /// Runs `operation`, which would not end by itself, cuts it short, and checks that it was
    /// back in time, with the right kind of error. Returns the phase in which it was.
    pub(crate) async fn apply<T, F: Future<Output = Result<T>>>(
        self,
        operation: impl FnOnce(Context) -> F,
    ) -> Phase {
        let cancel = CancellationToken::new();
        let limit = match self {
            Self::Deadline => CUT_AFTER,
            Self::Cancel | Self::Drop => Duration::from_secs(60),
        };
        let (ctx, trace) = Context::new(&cancel, limit).traced();
        let begun = Instant::now();
        let result = match self {
            Self::Deadline => Some(operation(ctx).await),
            Self::Cancel => {
                let cancelling = async {
                    sleep(CUT_AFTER).await;
                    cancel.cancel();
                };
                Some(tokio::join!(operation(ctx), cancelling).0)
            }
            Self::Drop => timeout(CUT_AFTER, operation(ctx)).await.ok(),
        };
        let elapsed = begun.elapsed();
        assert!(elapsed >= CUT_AFTER, "{self:?}: back after {elapsed:?}, before it was cut");
        assert!(elapsed < CUT_AFTER + TOLERANCE, "{self:?}: back only after {elapsed:?}");
        let traced = trace.current().expect("a phase");
        let Some(result) = result else { return traced };
        let Err(error) = result else { panic!("{self:?}: it came to an end") };
        self.check(&error);
        let phase = error.phase().expect("a phase");
        assert_eq!(phase, traced, "{self:?}: the error and the trace disagree");
        phase
    }

    fn check(self, error: &Error) {
        let expected = match self {
            Self::Deadline => ErrorKind::DeadlineExceeded,
            Self::Cancel | Self::Drop => ErrorKind::Cancelled,
        };
        assert_eq!(error.kind(), expected, "{self:?}: {error}");
    }
}
