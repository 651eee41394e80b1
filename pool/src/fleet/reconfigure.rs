use std::sync::Arc;

use pool_core::{ConnectionConfig, Result};
use tokio::runtime::Handle;

use super::Fleet;
use crate::{FleetLimits, Pool, PoolOptions};

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

impl Pool {
    /// Goes by `config` from now on, by which the same sessions are made.
    pub(super) fn adopt(&self, config: ConnectionConfig) -> Result<()> {
        config.validate()?;
        if let Some(member) = self.shared().member.get() {
            member.device().set_max(config.max_connections);
        }
        self.shared().apply(|core, now| core.adopt(now, Arc::new(config)));
        Ok(())
    }
}
