use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::LoginLog;
use crate::auth::Entrances;
use crate::blocking::Threads;
use crate::hostkey::Warned;
use crate::lookup::Lookup;
use crate::stats::{SshStats, Tally};
use crate::store::HostKeyStore;

/// How many threads may work on sessions at once, unless set otherwise. What they do is long for
/// a thread of the runtime, and never a wait for a peer, so this only has to keep all cores of a
/// large machine busy.
const BLOCKING_THREADS_MAX_DEFAULT: usize = 64;

/// What all SSH sessions of a process share.
///
/// Clones share one thread budget and one memory of which hosts were warned about.
#[derive(Clone, Debug)]
pub struct SshSettings {
    /// The `known_hosts` file, in OpenSSH's format. It need not exist. Not read under
    /// [`HostKeyPolicy::Off`](pool_core::HostKeyPolicy::Off), and written only when a new host is
    /// accepted. It is kept in memory, and read again when it has changed; a host that is taken out
    /// of it is still known for a second.
    pub known_hosts: PathBuf,
    /// Threads apart from the runtime's own that may work on sessions at once: with files, long
    /// arithmetic and large amounts of data. Work beyond it queues, first come first served,
    /// and is cut off at its deadline while queued. Taken into account when the first connection
    /// is made, and fixed from then on; 0 counts as 1. Default 64.
    pub blocking_threads_max: usize,
    /// Where to note what peers show of themselves, for a single login that is looked into. Default:
    /// nowhere.
    pub login_log: Option<LoginLog>,
    lookup: Lookup,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    threads: OnceLock<Arc<Threads>>,
    host_keys: Mutex<Option<HostKeyStore>>,
    warned: Warned,
    entrances: Entrances,
    tally: Tally,
}

impl SshSettings {
    /// Settings with the defaults that are documented on each field.
    pub fn new(known_hosts: impl Into<PathBuf>) -> Self {
        Self {
            known_hosts: known_hosts.into(),
            blocking_threads_max: BLOCKING_THREADS_MAX_DEFAULT,
            login_log: None,
            lookup: Lookup::default(),
            shared: Arc::default(),
        }
    }

    /// Looks names up with `resolver`, which is given a host and a port, in place of the system's.
    /// It is called on a thread apart and may block: whoever waits for it is back in time, and at
    /// most 16 of its calls run at once. Taken into account when the first connection is made.
    #[must_use]
    pub fn with_resolver(
        mut self,
        resolver: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.lookup = Lookup::new(resolver);
        self
    }

    /// Threads apart that work on sessions at this moment, of at most
    /// [`blocking_threads_max`](Self::blocking_threads_max).
    pub fn blocking_threads_in_use(&self) -> usize {
        self.shared.threads.get().map_or(0, |threads| threads.in_use())
    }

    pub(crate) fn threads(&self) -> Arc<Threads> {
        let start = || Threads::new(self.blocking_threads_max, self.lookup.clone());
        self.shared.threads.get_or_init(start).clone()
    }

    /// How the sessions fare that share these settings, all of it since they were made.
    pub fn stats(&self) -> SshStats {
        let threads = self.shared.threads.get();
        SshStats {
            threads_in_use: self.blocking_threads_in_use(),
            threads_max: self.blocking_threads_max,
            threads_waiting: threads.map_or(0, |threads| threads.waiting()),
            threads_cut: threads.map_or(0, |threads| threads.cut()),
            stretches_cut_off: threads.map_or(0, |threads| threads.cut_off()),
            phases: self.shared.tally.phases(),
            failures: self.shared.tally.failures(),
        }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.shared.tally
    }

    /// The `known_hosts` file, and what was read of it.
    pub(crate) fn host_keys(&self) -> HostKeyStore {
        let mut shared = self.shared.host_keys.lock();
        match &*shared {
            Some(store) if store.path() == self.known_hosts => store.clone(),
            _ => shared.insert(HostKeyStore::new(&self.known_hosts)).clone(),
        }
    }

    pub(crate) fn entrances(&self) -> &Entrances {
        &self.shared.entrances
    }

    pub(crate) fn warned(&self) -> &Warned {
        &self.shared.warned
    }
}
