use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{DiscardReason, ErrorKind, Phase, PoolStats, Protocol, RebuildReason};

use crate::GateState;

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

/// How much of what the routers of a fleet have together is used at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetLoad {
    /// Pools, of routers that are wanted.
    pub pools: usize,
    /// Pools that are closing, and still have sessions.
    pub retired: usize,
    /// Sessions: those being made and being closed, and those of retired pools, included.
    pub sessions: usize,
    /// Sessions that wait for the [limit](crate::FleetLimits::sessions_max) on sessions, or for
    /// those that an earlier pool of their router still has.
    pub sessions_waiting: usize,
    /// Logins under way.
    pub logins_in_flight: usize,
    /// Logins that wait for a [limit](crate::FleetLimits) on logins.
    pub logins_waiting: usize,
}

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
