//! File descriptors: every session takes some, and the usual limit is for other programs.

use pool::FleetLimits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scheduler::Inventory;
use tracing::{debug, warn};

/// A session's: the socket, and the one through which libssh2 sees it.
const PER_SESSION: u64 = 2;
/// Everything else: the pages, Zabbix, the spool, the reactor, files that are read.
const OTHERS: u64 = 128;

/// Takes as many descriptors as the process may have, and says so when they are fewer than the
/// routers' sessions can come to need.
pub(crate) fn raise(inventory: &Inventory, limits: FleetLimits) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let mut allowed = current;
    if current != maximum {
        match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            Ok(()) => allowed = maximum,
            Err(error) => debug!(%error, "the limit on file descriptors cannot be raised"),
        }
    }
    let wanted = inventory.routers.iter().map(|router| router.connection.max_connections).sum();
    let needed = needed(wanted, limits);
    // Without a number there is no limit.
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        warn!(
            allowed,
            needed,
            "fewer file descriptors are allowed than sessions need: raise the limit (LimitNOFILE of \
             systemd, ulimit -n), or set fleet.sessions_max"
        );
    }
}

/// For the sessions that the routers may have, as far as the fleet may.
fn needed(wanted: usize, limits: FleetLimits) -> u64 {
    let sessions = limits.sessions_max.map_or(wanted, |max| wanted.min(max.get()));
    u64::try_from(sessions).unwrap_or(u64::MAX).saturating_mul(PER_SESSION).saturating_add(OTHERS)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn the_fleets_limit_bounds_what_the_routers_may_need() {
        assert_eq!(needed(0, FleetLimits::default()), OTHERS);
        assert_eq!(needed(6, FleetLimits::default()), 6 * PER_SESSION + OTHERS);
        let limits = FleetLimits { sessions_max: NonZeroUsize::new(1), ..FleetLimits::default() };
        assert_eq!(needed(6, limits), PER_SESSION + OTHERS);
    }
}
