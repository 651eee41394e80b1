//! What the process may have, beside what it can come to need: file descriptors and threads. Looked
//! at when it starts, and whenever the configuration or the inventory has changed.

use std::fs;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use pool::FleetLimits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scheduler::Inventory;
use tracing::{debug, warn};

use crate::inventory::unresolved;

/// Descriptors of a session: the socket, and the one through which libssh2 sees it.
const DESCRIPTORS_PER_SESSION: u64 = 2;
/// Descriptors for everything else: the pages, Zabbix, the spool, the reactor, files that are read.
const DESCRIPTORS_OTHERS: u64 = 128;
/// Threads beside those that do blocking work: the runtime's, the spool's, those that read files.
const THREADS_OTHERS: u64 = 16;
/// Where the kernel says how many threads there may be in the group of processes that we are in.
const CGROUPS: &str = "/sys/fs/cgroup";

/// What the process may have. Says what is too little, once for each amount that it is too little for.
#[derive(Debug)]
pub(crate) struct Limits {
    /// How many threads may be busy with blocking work.
    blocking_threads: u64,
    /// What was last said to be needed, of descriptors and of threads.
    said: Mutex<(u64, u64)>,
}

impl Limits {
    /// Takes as many descriptors as the process may have.
    pub(crate) fn new(blocking_threads: usize) -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            let all = Rlimit { current: maximum, maximum };
            if let Err(error) = setrlimit(Resource::Nofile, all) {
                debug!(%error, "the limit on file descriptors cannot be raised");
            }
        }
        let blocking_threads = u64::try_from(blocking_threads).unwrap_or(u64::MAX);
        Self { blocking_threads, said: Mutex::default() }
    }

    /// Says what is less than the routers of `inventory` can come to need.
    pub(crate) fn check(&self, inventory: &Inventory, limits: FleetLimits) {
        let mut said = self.said.lock();
        let needed = descriptors(sessions(inventory), limits);
        // Without a number there is no limit.
        let allowed = getrlimit(Resource::Nofile).current;
        if let Some(allowed) = allowed.filter(|allowed| *allowed < needed && said.0 != needed) {
            warn!(
                allowed,
                needed,
                "fewer file descriptors are allowed than sessions need: raise the limit \
                 (LimitNOFILE of systemd, ulimit -n), or set fleet.sessions_max"
            );
        }
        let threads = self.blocking_threads.saturating_add(THREADS_OTHERS);
        if let Some(allowed) = threads_max().filter(|max| *max < threads && said.1 != threads) {
            warn!(
                allowed,
                needed = threads,
                "fewer threads are allowed than blocking work can take: raise the limit (TasksMax \
                 of systemd, ulimit -u), or set connection.blocking_threads_max"
            );
        }
        *said = (needed, threads);
    }
}

/// The sessions that the routers may have.
fn sessions(inventory: &Inventory) -> usize {
    let real = inventory.routers.iter().filter(|router| unresolved::error_of(router).is_none());
    real.map(|router| router.connection.max_connections).sum()
}

/// For so many sessions, as far as the fleet may have them.
fn descriptors(wanted: usize, limits: FleetLimits) -> u64 {
    let sessions = limits.sessions_max.map_or(wanted, |max| wanted.min(max.get()));
    let sessions = u64::try_from(sessions).unwrap_or(u64::MAX);
    sessions.saturating_mul(DESCRIPTORS_PER_SESSION).saturating_add(DESCRIPTORS_OTHERS)
}

/// How many threads the process may have: the user's limit, or that of a group of processes that it
/// is in, whichever is lower.
fn threads_max() -> Option<u64> {
    let user = getrlimit(Resource::Nproc).current;
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let groups = groups.map(|path| groups_max(Path::new(CGROUPS), path)).unwrap_or_default();
    user.into_iter().chain(groups).min()
}

/// The limits of the group at `path` below `root`, and of those that it is in.
fn groups_max(root: &Path, path: &str) -> Vec<u64> {
    let directories: Vec<PathBuf> = root.join(path).ancestors().map(Path::to_owned).collect();
    let below = directories.iter().take_while(|directory| *directory != root);
    let read = |directory: &PathBuf| {
        let text = fs::read_to_string(directory.join("pids.max")).ok()?;
        // `max` stands where there is none.
        text.trim().parse().ok()
    };
    below.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn the_fleets_limit_bounds_what_the_routers_may_need() {
        assert_eq!(descriptors(0, FleetLimits::default()), DESCRIPTORS_OTHERS);
        let six = 6 * DESCRIPTORS_PER_SESSION + DESCRIPTORS_OTHERS;
        assert_eq!(descriptors(6, FleetLimits::default()), six);
        let limits = FleetLimits { sessions_max: NonZeroUsize::new(1), ..FleetLimits::default() };
        assert_eq!(descriptors(6, limits), DESCRIPTORS_PER_SESSION + DESCRIPTORS_OTHERS);
    }

    #[test]
    fn every_group_that_the_process_is_in_bounds_its_threads() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("system.slice/monitord.service");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("pids.max"), "max\n").unwrap();
        fs::write(root.path().join("system.slice/pids.max"), "100\n").unwrap();
        fs::write(root.path().join("pids.max"), "1\n").unwrap();
        assert_eq!(groups_max(root.path(), "system.slice/monitord.service"), [100]);
        assert!(groups_max(root.path(), "elsewhere").is_empty());
    }
}
