//! Connecting to whichever of several addresses answers first (RFC 8305).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pool_core::Result;
use tokio::time::sleep;

/// How long an attempt has for itself before the next address is tried beside it: the recommended
/// Connection Attempt Delay of RFC 8305, section 8.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// `addresses` in the order in which to try them: the resolver's, with the families in turn, so
/// that a family that leads nowhere costs one delay and not one for each of its addresses
/// (RFC 8305, section 4).
pub(crate) fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if addresses.len() < 2 {
        return addresses;
    }
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut queues = [first, second];
    let mut ordered = Vec::new();
    while queues.iter().any(|queue| !queue.is_empty()) {
        ordered.extend(queues.iter_mut().filter_map(VecDeque::pop_front));
    }
    ordered
}

/// Makes the `attempts` in their order, each one 250 ms after the one before, or at once when
/// one has failed, and returns what the first that succeeds brings. The others are dropped.
///
/// # Errors
///
/// That of the attempt that failed last, when all have failed; `None` when there is none at all.
///
/// # Cancel safety
///
/// As cancel safe as the attempts: they are dropped with the future.
pub(crate) async fn race<T, F>(attempts: impl Iterator<Item = F>) -> Option<Result<T>>
where
    F: Future<Output = Result<T>>,
{
    let mut waiting = attempts.fuse().peekable();
    let first = waiting.next()?;
    if waiting.peek().is_none() {
        // Whoever runs alone needs no course, which would wake its task for nothing.
        return Some(first.await);
    }
    let mut next = Some(first);
    let mut running = FuturesUnordered::new();
    let mut latest = None;
    loop {
        let is_next = next.is_some();
        running.extend(next.take());
        tokio::select! {
            biased;
            ended = running.next() => match ended {
                Some(Ok(value)) => return Some(Ok(value)),
                Some(Err(error)) => latest = Some(Err(error)),
                None => return latest,
            },
            () = sleep(ATTEMPT_DELAY), if is_next => {}
        }
        next = waiting.next();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pool_core::{Error, Phase};
    use tokio::time::Instant;

    use super::*;

    /// An attempt that ends after so long, and counts itself for as long as it is there.
    async fn attempt(alive: Arc<AtomicUsize>, millis: u64, result: Result<u8, &str>) -> Result<u8> {
        struct Alive(Arc<AtomicUsize>);
        impl Drop for Alive {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        alive.fetch_add(1, Ordering::Relaxed);
        let _alive = Alive(alive);
        sleep(Duration::from_millis(millis)).await;
        result.map_err(|message| Error::Local { phase: Phase::Connect, message: message.into() })
    }

    /// Races attempts, and returns what came of them, after how many milliseconds.
    async fn check(attempts: &[(u64, Result<u8, &'static str>)]) -> (Result<u8, String>, u128) {
        let begun = Instant::now();
        let alive = Arc::new(AtomicUsize::new(0));
        let attempts =
            attempts.iter().map(|&(millis, result)| attempt(alive.clone(), millis, result));
        let result = race(attempts).await.expect("there are attempts");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "nothing stays behind");
        (result.map_err(|error| error.to_string()), begun.elapsed().as_millis())
    }

    const SILENT: u64 = 1 << 40;

    #[tokio::test(start_paused = true)]
    async fn the_first_that_connects_wins_however_many_are_silent() {
        assert_eq!(check(&[(10, Ok(1))]).await, (Ok(1), 10));
        assert_eq!(check(&[(10, Ok(1)), (0, Ok(2))]).await, (Ok(1), 10));
        assert_eq!(check(&[(SILENT, Ok(1)), (10, Ok(2))]).await, (Ok(2), 260));
        assert_eq!(check(&[(SILENT, Ok(1)), (SILENT, Ok(2)), (10, Ok(3))]).await, (Ok(3), 510));
        assert_eq!(check(&[(300, Ok(1)), (100, Ok(2))]).await, (Ok(1), 300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_lets_the_next_one_go_at_once() {
        assert_eq!(check(&[(1, Err("a")), (10, Ok(2))]).await, (Ok(2), 11));
        assert_eq!(check(&[(SILENT, Ok(1)), (1, Err("b")), (10, Ok(3))]).await, (Ok(3), 261));
        let (all_refused, after) = check(&[(1, Err("a")), (1, Err("b"))]).await;
        assert!(all_refused.unwrap_err().contains('b'));
        assert_eq!(after, 2);
        assert!(race::<u8, std::future::Ready<_>>(std::iter::empty()).await.is_none());
    }

    #[test]
    fn families_take_turns_in_the_order_of_the_resolver() {
        let [a, b, c, d] = ["[2001:db8::1]:22", "[2001:db8::2]:22", "192.0.2.1:22", "192.0.2.2:22"]
            .map(|address| address.parse().unwrap());
        assert_eq!(interleaved(vec![a, b, c, d]), [a, c, b, d]);
        assert_eq!(interleaved(vec![c, a, b]), [c, a, b]);
        assert_eq!(interleaved(vec![a, b]), [a, b]);
        assert_eq!(interleaved(Vec::new()), []);
    }
}
