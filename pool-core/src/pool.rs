use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Context, Error, EventStream, Lease, PoolStats, Protocol, Result};

/// Lends sessions of one device.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait ConnectionPool: Debug + Send + Sync {
    /// Waits for a session of `protocol` and lends it. Callers are served in the order in which
    /// they came.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded` (with the latest failed attempt to make a session as its source) or
    /// `Cancelled` in phase `Acquire`; the error of the attempt this caller waited for;
    /// `Unsupported` for a protocol without a factory; `Closed`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a caller that gives up loses its place and nothing else. A session that was
    /// being made for it is kept for the next.
    async fn get_with_context(&self, ctx: &Context, protocol: Protocol) -> Result<Lease>;

    /// How long [`get`](ConnectionPoolExt::get) waits: the device's `connect_timeout`.
    fn get_timeout(&self) -> Duration;

    /// Makes sure that `count` sessions of `protocol` are ready or lent, or as many of them as the
    /// pool may have, and says what became of each attempt.
    ///
    /// # Errors
    ///
    /// `Unsupported` or `Closed`. Failed attempts are not an error; they are in the report.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: sessions that were made stay in the pool.
    async fn warm_up(
        &self,
        ctx: &Context,
        protocol: Protocol,
        count: usize,
    ) -> Result<WarmUpReport>;

    /// Closes the pool: waiters get `Closed`, idle sessions are closed, and lent ones when they
    /// come back. Returns when every session is closed, or at the end of the context; whatever is
    /// still lent then is closed on its return. Calling it again is harmless.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: closing goes on without the caller.
    async fn close(&self, ctx: &Context);

    /// The events from now on.
    fn events(&self) -> EventStream;

    /// What is where.
    fn stats(&self) -> PoolStats;
}

/// What became of a warm-up.
#[derive(Clone, Debug, Default)]
pub struct WarmUpReport {
    /// Sessions that are ready or lent now.
    pub ready: usize,
    /// Why others could not be made.
    pub failures: Vec<Error>,
}

/// Legacy spellings, for callers that have no [`Context`]. Blanket-implemented, so that they
/// behave the same on every pool.
#[async_trait]
pub trait ConnectionPoolExt: ConnectionPool {
    /// [`get_with_context`](ConnectionPool::get_with_context) within
    /// [`get_timeout`](ConnectionPool::get_timeout).
    ///
    /// # Errors
    ///
    /// As `get_with_context`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    async fn get(&self, protocol: Protocol) -> Result<Lease> {
        self.get_with_context(&Context::detached(self.get_timeout()), protocol).await
    }

    /// Gives a lease back. Dropping it does the same.
    fn release(&self, lease: Lease) {
        drop(lease);
    }
}

impl<P: ConnectionPool + ?Sized> ConnectionPoolExt for P {}
