use std::sync::Arc;

use pool_core::Result;
use tokio::runtime::Handle;

use super::Fleet;
use crate::{FleetLimits, PoolOptions};

impl Fleet {
    /// Has all pools behave by `options` from now on, those that are there included. Sessions stay,
    /// and who waits goes on waiting; a pause or an age that has begun to count ends by the options
    /// of the moment at which it is looked at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`](pool_core::Error::InvalidConfig) for options that do not
    /// [validate](PoolOptions::validate). Nothing has changed then.
    pub fn set_options(&self, options: PoolOptions) -> Result<()> {
        options.validate()?;
        let options = Arc::new(options);
        let pools: Vec<_> = {
            let mut state = self.state.lock();
            state.options = options.clone();
            state.pools.values().cloned().collect()
        };
        pools.iter().for_each(|pool| pool.shared().core().set_options(options.clone()));
        Ok(())
    }

    /// Has all pools keep to `limits` together from now on. Sessions and logins beyond a limit that
    /// is lower now are not cut; whoever waits for one that is higher now is served.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn set_limits(&self, limits: FleetLimits) {
        self.caps.set_limits(limits, &Handle::current());
    }
}
