//! Many tries side by side.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};

use crate::output::with_progress;

/// Has all `tries` made, at most so many at the same time, and shows meanwhile how many have been,
/// as `what`. Returns what is wrong, in their order.
pub(super) async fn problems_of<F: Future<Output = Option<String>>>(
    tries: impl ExactSizeIterator<Item = F>,
    at_once_max: usize,
    what: &str,
) -> Vec<String> {
    let (total, done) = (tries.len(), AtomicUsize::new(0));
    let counted = tries.enumerate().map(async |(place, tried)| {
        let problem = tried.await;
        done.fetch_add(1, Ordering::Relaxed);
        problem.map(|problem| (place, problem))
    });
    let trying = stream::iter(counted).buffer_unordered(at_once_max).collect::<Vec<_>>();
    let at = || format!("{} of {total} {what}", done.load(Ordering::Relaxed));
    let mut problems: Vec<_> = with_progress(trying, at).await.into_iter().flatten().collect();
    problems.sort();
    problems.into_iter().map(|(_, problem)| problem).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_are_made_so_many_at_a_time_and_told_in_their_order() {
        let began = Instant::now();
        let tries = (0..6_u8).map(async |number| {
            sleep(Duration::from_secs(6 - u64::from(number))).await;
            (number != 1).then(|| number.to_string())
        });
        assert_eq!(problems_of(tries, 2, "tried").await, ["0", "2", "3", "4", "5"]);
        // 6 and 5; 4 behind the 5, 3 behind the 6, 2 and 1 behind those.
        assert_eq!(began.elapsed(), Duration::from_secs(11));
    }
}
