//! The only place that hands work to threads which may block.
//!
//! A stretch of work never waits for a peer: when libssh2 would wait, the stretch ends and the
//! session is parked on socket readiness, without a thread. Most stretches are so short that they
//! run where the session is driven. What a thread apart takes is the time of moving much, of
//! long arithmetic and of files, and the number of such threads is bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use pool_core::{Context, Error, Phase, Result};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::burial::Graves;
use crate::lookup::Lookup;

/// Name lookups at once. The C library's resolver cannot be cut off: a dead name server holds
/// its thread for up to half a minute after the caller has gone, so they have a budget of their
/// own that sessions do not depend on.
const LOOKUPS_MAX: usize = 16;

/// The thread budgets of all sessions that share settings.
#[derive(Debug)]
pub(crate) struct Threads {
    stretches_max: usize,
    stretches: Arc<Semaphore>,
    waiting: AtomicUsize,
    cut: AtomicU64,
    cut_off: AtomicU64,
    lookup: Lookup,
    lookups: Arc<Semaphore>,
    graves: Arc<Graves>,
}

impl Threads {
    pub(crate) fn new(stretches_max: usize, lookup: Lookup) -> Arc<Self> {
        let stretches_max = stretches_max.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            stretches_max,
            stretches: Arc::new(Semaphore::new(stretches_max)),
            waiting: AtomicUsize::new(0),
            cut: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
            lookup,
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            graves: Arc::default(),
        })
    }

    pub(crate) fn in_use(&self) -> usize {
        self.stretches_max - self.stretches.available_permits()
    }

    /// Waits for a thread's worth of budget, in the order of asking and no longer than `ctx`.
    pub(crate) async fn permit(&self, ctx: &Context, phase: Phase) -> Result<Permit> {
        let _waiting = Waiting::new(&self.waiting);
        let permit = acquire(&self.stretches, ctx, phase).await;
        if permit.is_err() {
            self.cut.fetch_add(1, Ordering::Relaxed);
        }
        permit
    }

    /// How many wait for a permit at this moment.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many have waited for a permit until their time was over.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    /// Notes that a stretch on a thread of the runtime had to be cut off.
    pub(crate) fn note_cut_off(&self) {
        self.cut_off.fetch_add(1, Ordering::Relaxed);
    }

    /// How many stretches on threads of the runtime had to be cut off.
    pub(crate) fn cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// Where what is dead is freed.
    pub(crate) fn graves(&self) -> &Arc<Graves> {
        &self.graves
    }

    /// The addresses of `host`.
    pub(crate) async fn look_up(
        &self,
        ctx: &Context,
        host: &str,
        port: u16,
    ) -> Result<io::Result<Vec<SocketAddr>>> {
        let (lookup, name) = (self.lookup.clone(), host.to_owned());
        self.resolve(ctx, move || lookup.addresses(&name, port)).await
    }

    /// Runs `lookup`, which nothing can cut off, on a thread, and waits for it no longer than `ctx`.
    async fn resolve<T: Send + 'static>(
        &self,
        ctx: &Context,
        lookup: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let permit = acquire(&self.lookups, ctx, Phase::Resolve).await?;
        let lookup = permit.run(lookup);
        ctx.run(Phase::Resolve, async { lookup.await.map_err(|e| lost(Phase::Resolve, &e)) }).await
    }
}

/// Counts somebody for as long as he waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn acquire(budget: &Arc<Semaphore>, ctx: &Context, phase: Phase) -> Result<Permit> {
    ctx.check(phase)?;
    tokio::select! {
        biased;
        permit = budget.clone().acquire_owned() => {
            Ok(Permit(permit.expect("the semaphore is never closed")))
        }
        ended = ctx.ended(phase) => Err(ended),
    }
}

/// The right to one thread. The thread holds it until the work is done, also when nobody waits
/// for the work any more, so that the budget counts what really runs.
#[derive(Debug)]
pub(crate) struct Permit(OwnedSemaphorePermit);

impl Permit {
    /// Runs `work` on a thread. Dropping the handle does not stop it.
    pub(crate) fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        on_thread(&Handle::current(), move || {
            let result = work();
            drop(self.0);
            result
        })
    }
}

/// The error for work that did not come back: it panicked, or the runtime is shutting down.
pub(crate) fn lost(phase: Phase, error: &tokio::task::JoinError) -> Error {
    if error.is_panic() {
        return panicked(phase);
    }
    Error::Local { phase, message: "the runtime is shutting down".to_owned() }
}

/// The error for work that panicked.
pub(crate) fn panicked(phase: Phase) -> Error {
    Error::Local { phase, message: "the SSH library panicked".to_owned() }
}

/// Runs `work` on a thread of `runtime` that may block. How many there are at once is for the caller
/// to bound.
#[expect(clippy::disallowed_methods, reason = "this is the one place where it is bounded")]
pub(crate) fn on_thread<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    runtime.spawn_blocking(work)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use pool_core::ErrorKind::{Cancelled, DeadlineExceeded};
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// What a name server that does not answer does to a lookup, until the sender is dropped.
    fn silent() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (answer, waiting) = mpsc::channel();
        (answer, move || assert!(waiting.recv().is_err(), "nobody answers"))
    }

    #[tokio::test]
    async fn whoever_waits_for_a_silent_name_server_is_back_however_he_is_cut_short() {
        let threads = Threads::new(1, Lookup::default());
        let mut answers = Vec::new();
        let mut lookup = || {
            let (answer, lookup) = silent();
            answers.push(answer);
            lookup
        };
        let ctx = Context::detached(Duration::from_millis(10));
        let late = threads.resolve(&ctx, lookup()).await.unwrap_err();
        assert_eq!((late.kind(), late.phase()), (DeadlineExceeded, Some(Phase::Resolve)));

        let cancel = CancellationToken::new();
        let ctx = Context::new(&cancel, Duration::from_secs(20));
        let waiting = threads.resolve(&ctx, lookup());
        let (cancelled, ()) = tokio::join!(waiting, async { cancel.cancel() });
        assert_eq!(cancelled.unwrap_err().kind(), Cancelled);

        let ctx = Context::detached(Duration::from_secs(20));
        let dropped = timeout(Duration::from_millis(10), threads.resolve(&ctx, lookup())).await;
        assert!(dropped.is_err());
        // The threads are there for as long as the name server is silent, and count.
        assert_eq!(threads.lookups.available_permits(), LOOKUPS_MAX - 3);
        drop(answers);
        while threads.lookups.available_permits() < LOOKUPS_MAX {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn when_all_name_servers_are_silent_lookups_are_cut_where_they_queue() {
        let threads = Threads::new(1, Lookup::default());
        let ctx = Context::detached(Duration::from_millis(10));
        let mut answers = Vec::new();
        for _ in 0..LOOKUPS_MAX + 3 {
            let (answer, lookup) = silent();
            answers.push(answer);
            let late = threads.resolve(&ctx, lookup).await.unwrap_err();
            assert_eq!((late.kind(), late.phase()), (DeadlineExceeded, Some(Phase::Resolve)));
        }
        // Sessions do not depend on them.
        let patient = Context::detached(Duration::from_secs(20));
        threads.permit(&patient, Phase::Read).await.unwrap().run(|| ()).await.unwrap();
        drop(answers);
        threads.resolve(&patient, || ()).await.unwrap();
    }

    #[tokio::test]
    async fn queued_work_is_cut_at_its_deadline() {
        let threads = Threads::new(1, Lookup::default());
        let held = threads.permit(&Context::detached(Duration::from_secs(9)), Phase::Banner).await;
        assert_eq!(threads.in_use(), 1);
        let ctx = Context::detached(Duration::from_millis(10));
        let error = threads.permit(&ctx, Phase::Read).await.unwrap_err();
        assert_eq!(error.phase(), Some(Phase::Read));
        assert_eq!((threads.waiting(), threads.cut()), (0, 1));
        drop(held);
        assert_eq!(threads.in_use(), 0);
    }
}
