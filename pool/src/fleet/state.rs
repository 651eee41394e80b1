use std::collections::HashMap;
use std::sync::Arc;

use pool_core::{ConnectionPool, PoolStats};

use super::sweeper::Sweeper;
use crate::Pool;

/// The pools of a fleet.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pools: HashMap<Arc<str>, Arc<Pool>>,
    /// Pools that are closing. Each is forgotten once its last session is gone, and nobody has it.
    pub(super) retired: Vec<Arc<Pool>>,
    /// What had happened in pools that are forgotten.
    pub(super) past: PoolStats,
    /// How many pools there have been.
    pub(super) members: u64,
    pub(super) sweeper: Sweeper,
    pub(super) closed: bool,
}

impl State {
    /// Forgets retired pools that nothing can happen in any more, but not what happened in them.
    pub(super) fn forget_gone(&mut self) {
        let Self { retired, past, .. } = self;
        retired.retain(|pool| {
            // Somebody who still has it may still be turned away, and that counts too.
            let gone = pool.is_drained() && Arc::strong_count(pool) == 1;
            if gone {
                *past = past.merge(of_retired(pool));
            }
            !gone
        });
    }
}

/// What is and was in a pool that takes no callers any more.
pub(super) fn of_retired(pool: &Pool) -> PoolStats {
    let mut stats = pool.stats();
    stats.max_connections = 0;
    stats.gates_shut = 0;
    stats
}
