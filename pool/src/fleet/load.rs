use super::Fleet;
use crate::FleetLimits;

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

impl Fleet {
    /// What all routers may have together.
    pub fn limits(&self) -> FleetLimits {
        self.caps.limits()
    }

    /// How much of that is used.
    pub fn load(&self) -> FleetLoad {
        let (pools, retired) = {
            let state = self.state.lock();
            let pools: Vec<_> = state.pools.values().cloned().collect();
            (pools, state.retired.iter().filter(|pool| !pool.is_drained()).count())
        };
        let members = pools.iter().filter_map(|pool| pool.shared().member.get());
        let behind_earlier: usize = members.map(|member| member.device().waiting()).sum();
        let seats = self.caps.seats();
        let sessions_waiting = behind_earlier + seats.waiting;
        let logins = self.caps.logins();
        FleetLoad {
            pools: pools.len(),
            retired,
            sessions: seats.taken,
            sessions_waiting,
            logins_in_flight: logins.taken,
            logins_waiting: logins.waiting,
        }
    }
}
