use std::sync::Arc;

use pool_core::Protocol;

use super::Fleet;
use crate::{GateState, Pool};

/// A router that logins to fail.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouterGate {
    /// Its name.
    pub router: Arc<str>,
    /// What it is logged in to by.
    pub protocol: Protocol,
    /// Since when, how often, and why.
    pub state: GateState,
}

impl Fleet {
    /// The routers that logins to fail, in the order of names.
    pub fn gates(&self) -> Vec<RouterGate> {
        let pools: Vec<_> = self.state.lock().pools.values().cloned().collect();
        let protocols: Vec<_> = self.factories.iter().map(|factory| factory.protocol()).collect();
        let gate = |pool: &Arc<Pool>, protocol: &Protocol| {
            let (router, protocol) = (pool.name().clone(), *protocol);
            pool.gate(protocol).map(|state| RouterGate { router, protocol, state })
        };
        let of_pool = |pool| protocols.iter().filter_map(move |protocol| gate(pool, protocol));
        let mut gates: Vec<_> = pools.iter().flat_map(of_pool).collect();
        gates.sort_by(|a, b| a.router.cmp(&b.router));
        gates
    }
}
