//! The only place that hands work to threads which may block.
//!
//! A stretch of work never waits for a peer: when libssh2 would wait, the stretch ends and the
//! session is parked on socket readiness, without a thread. Most stretches are so short that they
//! run where the session is driven. What a thread apart takes is the time of moving much, of
//! long arithmetic and of files, and the number of such threads is bounded.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use pool_core::{Context, Error, Phase, Result};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Name lookups at once. The C library's resolver cannot be cut off: a dead name server holds
/// its thread for up to half a minute after the caller has gone, so they have a budget of their
/// own that sessions do not depend on.
const LOOKUPS_MAX: usize = 16;

/// Threads that free what is dead. Freeing takes microseconds, unless the peer has filled the
/// socket before.
const BURIALS_MAX: usize = 4;

/// The thread budgets of all sessions that share settings.
#[derive(Debug)]
pub(crate) struct Threads {
    stretches_max: usize,
    stretches: Arc<Semaphore>,
    waiting: AtomicUsize,
    cut: AtomicU64,
    cut_off: AtomicU64,
    lookups: Arc<Semaphore>,
    graves: Mutex<Graves>,
}

/// What waits to be freed: never more than there are sessions.
#[derive(Default)]
struct Graves {
    open: VecDeque<Box<dyn Send>>,
    diggers: usize,
}

impl Threads {
    pub(crate) fn new(stretches_max: usize) -> Arc<Self> {
        let stretches_max = stretches_max.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            stretches_max,
            stretches: Arc::new(Semaphore::new(stretches_max)),
            waiting: AtomicUsize::new(0),
            cut: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            graves: Mutex::default(),
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

    /// Frees `corpse` on a thread of `runtime`, without a permit: the dead must not queue behind
    /// the living, nor the living behind the dead. Never waits.
    pub(crate) fn bury(self: &Arc<Self>, runtime: &Handle, corpse: impl Send + 'static) {
        let mut graves = self.graves.lock();
        graves.open.push_back(Box::new(corpse));
        if graves.diggers < BURIALS_MAX {
            graves.diggers += 1;
            drop(graves);
            let digger = Digger(self.clone());
            drop(on_thread(runtime, move || drop(digger)));
        }
    }

    /// The addresses of `host`, from the system's resolver.
    pub(crate) async fn look_up(
        &self,
        ctx: &Context,
        host: &str,
        port: u16,
    ) -> Result<io::Result<Vec<SocketAddr>>> {
        let permit = acquire(&self.lookups, ctx, Phase::Resolve).await?;
        let name = host.to_owned();
        let lookup = permit.run(move || Ok((name.as_str(), port).to_socket_addrs()?.collect()));
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

/// Frees what waits to be freed when it is dropped: by the thread it was given to, or on the spot
/// when the runtime has no threads any more and drops its work.
struct Digger(Arc<Threads>);

impl Drop for Digger {
    fn drop(&mut self) {
        loop {
            let mut graves = self.0.graves.lock();
            let Some(corpse) = graves.open.pop_front() else {
                graves.diggers -= 1;
                return;
            };
            // Not under the lock: this is what takes its time.
            drop(graves);
            drop(corpse);
        }
    }
}

impl fmt::Debug for Graves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graves").field("open", &self.open.len()).finish_non_exhaustive()
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

#[expect(clippy::disallowed_methods, reason = "this is the one place where it is bounded")]
fn on_thread<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    runtime.spawn_blocking(work)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Corpse(Arc<AtomicUsize>);

    impl Drop for Corpse {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn everything_is_buried_by_a_few_threads_also_after_the_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        let threads = Threads::new(1);
        let buried = Arc::new(AtomicUsize::new(0));
        for _ in 0..1000 {
            threads.bury(&handle, Corpse(buried.clone()));
            assert!(threads.graves.lock().diggers <= BURIALS_MAX);
        }
        drop(runtime);
        threads.bury(&handle, Corpse(buried.clone()));
        assert_eq!(buried.load(Ordering::Relaxed), 1001);
        assert_eq!(threads.graves.lock().diggers, 0);
    }

    #[tokio::test]
    async fn queued_work_is_cut_at_its_deadline() {
        let threads = Threads::new(1);
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
