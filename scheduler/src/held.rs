use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionPool, Context, Lease, Result};
use tokio::time::Instant;

use crate::check::Site;

/// How many checks may follow each other on one lease, and how long after it was got the last of
/// them may begin. Only when a session comes back does its pool look whether it is to be replaced
/// or given to another router, and a lease that is held for very long is taken for a leak.
const CHECKS_MAX: u32 = 8;
const HELD_MAX: Duration = Duration::from_secs(30);

/// A session on loan, from one check to the next.
///
/// It is handed on only by a check that was measured: after any other the session goes back to
/// its pool, which knows best what it is still good for.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) lease: Lease,
    pool: Arc<dyn ConnectionPool>,
    site: Arc<Site>,
    since: Instant,
    checks: u32,
}

impl Held {
    /// Waits for a session of the site's router.
    pub(crate) async fn get(ctx: &Context, site: &Arc<Site>) -> Result<Self> {
        let pool = site.pools.pool(&site.router)?;
        let lease = pool.get_with_context(ctx, site.router.protocol).await?;
        Ok(Self { lease, pool, site: site.clone(), since: Instant::now(), checks: 0 })
    }

    /// Counts a check that has come to its end on it.
    pub(crate) fn checked(&mut self) {
        self.checks += 1;
    }

    /// Whether another check of `site` may follow: the router's settings are still the same, nobody
    /// else waits for a session of it, and the lease has not been held for too long.
    pub(crate) fn may_go_on(&self, site: &Arc<Site>, now: Instant) -> bool {
        let is_fresh = self.checks < CHECKS_MAX && now.duration_since(self.since) < HELD_MAX;
        is_fresh && Arc::ptr_eq(&self.site, site) && self.pool.stats().waiting == 0
    }
}
