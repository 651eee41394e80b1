use std::collections::BTreeMap;
use std::time::Duration;

use pool_core::{ConnectionPool, DiscardReason, ErrorKind, Phase, PoolStats, RebuildReason};

use super::Fleet;
use super::state::of_retired;
use crate::caps::Counts;

/// What has happened in a fleet since it was made. Counts never fall: those of pools that are gone
/// are in them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FleetTotals {
    /// All pools together. Retired ones count with the sessions that they still have, and those
    /// that are gone with what happened in them.
    pub pools: PoolStats,
    /// Attempts to make a session that failed, by kind and phase of the error.
    pub create_failed: BTreeMap<(ErrorKind, Option<Phase>), u64>,
    /// Sessions that were not lent again, by why not; every reason has a row.
    pub discarded: Vec<(DiscardReason, u64)>,
    /// Replacements that were begun, by why; every reason has a row.
    pub rebuilds: Vec<(RebuildReason, u64)>,
    /// Tests of sessions, failed ones included: how many of them failed is in `pools`.
    pub health_checks_total: u64,
    /// How long each phase of the logins took that succeeded, by phase.
    pub login_times: BTreeMap<Phase, LoginTimes>,
}

/// How long one phase of logins took: a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginTimes {
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
    /// How many took no longer than the bound at the same place in [`BOUNDS`](Self::BOUNDS), and
    /// longer than the bound before it. Those that took longer than every bound are in `count`
    /// only.
    pub within: [u64; Self::BOUNDS.len()],
}

impl LoginTimes {
    /// From a round trip in one building to the longest timeouts.
    pub const BOUNDS: [Duration; 10] = [
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
    ];

    pub(crate) fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        if let Some(at) = Self::BOUNDS.iter().position(|bound| took <= *bound) {
            self.within[at] += 1;
        }
    }
}

impl Fleet {
    /// What has happened since the fleet was made.
    pub fn totals(&self) -> FleetTotals {
        let (pools, retired, past) = {
            let state = self.state.lock();
            let pools: Vec<_> = state.pools.values().cloned().collect();
            (pools, state.retired.clone(), state.past)
        };
        let living = pools.iter().map(|pool| pool.stats());
        let retired = retired.iter().map(|pool| of_retired(pool));
        let Counts { create_failed, discarded, rebuilds, health_checks, login_times } =
            self.caps.counts();
        FleetTotals {
            pools: living.chain(retired).fold(past, PoolStats::merge),
            create_failed,
            discarded: DiscardReason::ALL.into_iter().zip(discarded).collect(),
            rebuilds: RebuildReason::ALL.into_iter().zip(rebuilds).collect(),
            health_checks_total: health_checks,
            login_times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_once_and_at_its_bound() {
        let mut times = LoginTimes::default();
        for millis in [0, 5, 6, 10, 30_000, 30_001] {
            times.add(Duration::from_millis(millis));
        }
        assert_eq!(times.within, [2, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((times.count, times.sum.as_millis()), (6, 60_022));
    }
}
