use std::fmt::Debug;
use std::sync::Arc;

use pool_core::{ConnectionPool, Result};

use crate::{Router, RouterName};

/// Where the scheduler gets a router's pool from.
pub trait Pools: Debug + Send + Sync {
    /// The pool of `router`, made on first use. It is asked for before every check, so that a
    /// changed configuration takes effect, and must not wait for anything.
    ///
    /// # Errors
    ///
    /// The configuration cannot make a pool. Each check of the router then fails with this error.
    fn pool(&self, router: &Router) -> Result<Arc<dyn ConnectionPool>>;

    /// The pool of `router` is no longer wanted as it is: the router is gone, or has other
    /// settings. Its sessions are to be closed, those that are lent when they come back. Must not
    /// wait for anything.
    fn retire(&self, router: &RouterName);
}
