use std::collections::HashMap;
use std::sync::Arc;

use pool_core::{ConnectionPool, PoolStats};

use super::sweeper::Sweeper;
use crate::{Pool, PoolOptions};

/// The pools of a fleet.
#[derive(Debug)]
pub(super) struct State {
    /// How each pool behaves.
    pub(super) options: Arc<PoolOptions>,
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
    pub(super) fn new(options: Arc<PoolOptions>) -> Self {
        Self {
            options,
            pools: HashMap::new(),
            retired: Vec::new(),
            past: PoolStats::default(),
            members: 0,
            sweeper: Sweeper::default(),
            closed: false,
        }
    }

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
