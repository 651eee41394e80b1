//! Workers that begin again after a panic: our own mistake in one of them is not the end of it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};
use tracing::error;

/// The pause before a worker begins again; doubled with each further panic in a row.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest such pause, so that what panics for a reason that passes is back within a minute.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Runs what `begin` begins until it ends by itself. After a panic it is begun again, after a pause.
///
/// What it works on must be whole at each of its awaits, because that is where another takes over.
/// Nothing is said of a panic here but that: the panic itself is counted and logged where it happens.
///
/// # Cancel safety
///
/// Cancel safe as far as what is begun is.
pub(crate) async fn supervised<W: Future<Output = ()>>(
    worker: &'static str,
    mut begin: impl FnMut() -> W,
) {
    let mut pause = PAUSE_FIRST;
    loop {
        let began = Instant::now();
        let work = AssertUnwindSafe(async { begin().await });
        if work.catch_unwind().await.is_ok() {
            return;
        }
        if began.elapsed() > PAUSE_MAX {
            pause = PAUSE_FIRST;
        }
        error!(worker, ?pause, "a worker broke down: it begins again");
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// The result of one piece of work, or nothing when it panicked.
///
/// # Cancel safety
///
/// Cancel safe as far as the work is.
pub(crate) async fn unless_it_panics<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_begins_again_after_growing_pauses_until_it_ends_by_itself() {
        let start = Instant::now();
        let mut begun = Vec::new();
        supervised("test", || {
            begun.push(start.elapsed().as_secs());
            let breaks = begun.len() < 9;
            async move {
                // Not `panic!`: its message would fill the test's output.
                if breaks {
                    resume_unwind(Box::new("test"));
                }
            }
        })
        .await;
        assert_eq!(begun, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_worked_for_long_begins_again_soon() {
        let start = Instant::now();
        let mut begun = Vec::new();
        supervised("test", || {
            begun.push(start.elapsed().as_secs());
            let number = begun.len();
            async move {
                if number == 3 {
                    sleep(PAUSE_MAX * 2).await;
                }
                if number < 5 {
                    resume_unwind(Box::new("test"));
                }
            }
        })
        .await;
        assert_eq!(begun, [0, 1, 3, 124, 126]);
    }
}
