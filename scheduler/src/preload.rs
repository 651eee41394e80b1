//! Sessions that are made before a check needs them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pool_core::{Context, Error, Phase, WarmUpReport};
use tokio::time::Instant;

use crate::Failure;
use crate::check::{Site, bounded};

/// Between the preloads of two routers: twenty logins a second are what one AAA server bears, and
/// limits of the fleet hold beside it.
const APART: Duration = Duration::from_millis(50);
/// The longest time for which a preload waits for its sessions. Checks come soon enough to a router
/// that needs longer, and wait for it with a limit of their own.
const TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Gives each router a moment of its own to be preloaded. A router that is slow or sick then is not
/// waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    // A blocking lock, held for one addition and never across an await.
    next: Arc<Mutex<Option<Instant>>>,
}

impl Turns {
    /// The next moment that nobody has yet.
    pub(crate) fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock();
        let turn = next.unwrap_or(now).max(now);
        *next = Some(turn + APART);
        turn
    }
}

impl Site {
    /// When to preload the sessions of the router, if there are any to be kept ready.
    pub(crate) fn preload_at(&self, now: Instant) -> Option<Instant> {
        (self.router.connection.min_connections > 0).then(|| self.turns.take(now))
    }

    /// Makes the sessions that are to be kept ready. A failure is no outcome, as no check was tried,
    /// but it is said, and what the pool has learnt by it counts for the checks that follow.
    pub(crate) async fn preload(self: Arc<Self>) {
        let (name, connection) = (self.router.name.as_str(), &self.router.connection);
        // Each check is told why there is no pool.
        let Ok(pool) = self.pools.pool(&self.router) else { return };
        let ctx = Context::new(&self.shutdown, connection.connect_timeout.min(TIMEOUT_MAX));
        let warm_up = pool.warm_up(&ctx, self.router.protocol, connection.min_connections);
        let report = tokio::select! {
            biased;
            () = self.superseded.cancelled() => return,
            report = bounded(&ctx, Phase::Acquire, warm_up) => report,
        };
        match report {
            _ if self.shutdown.is_cancelled() => {}
            Ok(WarmUpReport { ready, failures }) => match failures.first() {
                None => tracing::debug!(router = name, ready, "sessions preloaded"),
                Some(error) => self.tell_of_preload(ready, error),
            },
            Err(error) => self.tell_of_preload(0, &error),
        }
    }

    fn tell_of_preload(&self, ready: usize, error: &Error) {
        let router = self.router.name.as_str();
        let Failure { phase, message: cause, .. } = Failure::from(error);
        let (kind, phase) = (error.kind().as_str(), phase.map(tracing::field::display));
        tracing::info!(router, ready, kind, phase, cause, "sessions were not preloaded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_router_has_its_moment_and_one_that_comes_alone_does_not_wait() {
        let (turns, now) = (Turns::default(), Instant::now());
        let taken: Vec<_> = (0..200).map(|_| turns.clone().take(now) - now).collect();
        assert_eq!(taken[0], Duration::ZERO);
        assert_eq!(taken[199], Duration::from_millis(9950));
        let later = now + Duration::from_secs(60);
        assert_eq!(turns.take(later), later);
    }
}
