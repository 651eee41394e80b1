use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use driver_ssh::SshSettings;
use pool_core::{Context, Phase, Result};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often an operation is looked at whether it has come to its phase, or a drop to its end.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// How long an operation is left in its phase before it is cut.
const LINGER: Duration = Duration::from_millis(20);
/// No operation is held for longer, cut or not.
const PATIENCE: Duration = Duration::from_secs(30);

/// How an operation is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    Deadline,
    Cancel,
    Drop,
}

/// By how much an operation was late, and a bare wait beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    pub(super) ours_ms: f64,
    pub(super) floor_ms: f64,
}

impl Cut {
    pub(super) const ALL: [Self; 3] = [Self::Deadline, Self::Cancel, Self::Drop];

    /// Runs `operation` and cuts it short in `phase`, or `limit` after its start. Nothing if it
    /// ended by itself before that.
    pub(super) async fn measure<F: Future<Output = Result<()>>>(
        self,
        phase: Phase,
        limit: Duration,
        settings: &Arc<SshSettings>,
        operation: impl FnOnce(Context) -> F,
    ) -> Option<Late> {
        let cancel = CancellationToken::new();
        let limit = if self == Self::Deadline { limit } else { PATIENCE };
        let (ctx, trace) = Context::new(&cancel, limit).traced();
        let deadline = ctx.deadline();
        let bare = {
            let cancel = cancel.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = sleep_until(deadline) => {}
                }
                Instant::now()
            })
        };
        let reached = async {
            while trace.current() != Some(phase) {
                sleep(LOOK_INTERVAL).await;
            }
            sleep(LINGER).await;
        };
        let mut operation = Box::pin(operation(ctx));
        let cut_at = match self {
            Self::Deadline => {
                operation.as_mut().await.ok();
                deadline
            }
            Self::Cancel | Self::Drop => tokio::select! {
                biased;
                _ = operation.as_mut() => {
                    bare.abort();
                    return None;
                }
                () = reached => Instant::now(),
            },
        };
        match self {
            Self::Deadline => {}
            Self::Cancel => {
                cancel.cancel();
                operation.as_mut().await.ok();
            }
            Self::Drop => {
                drop(operation);
                cancel.cancel();
                while settings.blocking_threads_in_use() > 0 {
                    sleep(LOOK_INTERVAL).await;
                }
            }
        }
        let back = Instant::now();
        if back < cut_at {
            bare.abort();
            return None;
        }
        let bare = bare.await.ok()?;
        let ms = |since: Instant| since.saturating_duration_since(cut_at).as_secs_f64() * 1e3;
        Some(Late { ours_ms: ms(back), floor_ms: ms(bare) })
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadline => "deadline",
            Self::Cancel => "cancel",
            Self::Drop => "drop",
        })
    }
}
