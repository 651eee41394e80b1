//! The only place that hands work to threads which may block.
//!
//! A stretch of work never waits for a peer: when libssh2 would wait, the stretch ends and the
//! session is parked on socket readiness, without a thread. What a thread does take is the time
//! of moving bytes, of arithmetic and of files, and the number of such threads is bounded.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use pool_core::{Context, Error, Phase, Result};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Name lookups at once. The C library's resolver cannot be cut off: a dead name server holds
/// its thread for up to half a minute after the caller has gone, so they have a budget of their
/// own that sessions do not depend on.
const LOOKUPS_MAX: usize = 16;

/// The thread budgets of all sessions that share settings.
#[derive(Debug)]
pub(crate) struct Threads {
    stretches_max: usize,
    stretches: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

impl Threads {
    pub(crate) fn new(stretches_max: usize) -> Arc<Self> {
        let stretches_max = stretches_max.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            stretches_max,
            stretches: Arc::new(Semaphore::new(stretches_max)),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        })
    }

    pub(crate) fn in_use(&self) -> usize {
        self.stretches_max - self.stretches.available_permits()
    }

    /// Waits for a thread's worth of budget, in the order of asking and no longer than `ctx`.
    pub(crate) async fn permit(&self, ctx: &Context, phase: Phase) -> Result<Permit> {
        acquire(&self.stretches, ctx, phase).await
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

/// Runs `work` on a thread without a permit, for the freeing of what is dead already: it takes
/// microseconds, and must not queue behind the living.
pub(crate) fn run_last_rites(runtime: &Handle, work: impl FnOnce() + Send + 'static) {
    drop(on_thread(runtime, work));
}

/// The error for work that did not come back: it panicked, or the runtime is shutting down.
pub(crate) fn lost(phase: Phase, error: &tokio::task::JoinError) -> Error {
    let message = if error.is_panic() {
        "the SSH library panicked".to_owned()
    } else {
        "the runtime is shutting down".to_owned()
    };
    Error::Local { phase, message }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place where it is bounded")]
fn on_thread<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    runtime.spawn_blocking(work)
}
