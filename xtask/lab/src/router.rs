use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use russh::keys::PrivateKey;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection;
use crate::counters::Counters;
use crate::dialect::{self, Dialect};
use crate::door::Door;
use crate::hostkey::{self, HostKeys};
use crate::{Fault, Manner, RouterSpec, Sickness, Stage};

/// Connections that one router keeps open at a time; more are closed unheard. Above any test's
/// need, and low enough for several hundred routers in one process.
const CONNECTIONS_MAX: usize = 1024;

/// How long the router waits after a failed `accept`, which means that the process is out of
/// descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A running simulated router. Clones are the same router.
#[derive(Clone, Debug)]
pub struct LabRouter {
    shared: Arc<Shared>,
}

/// What a router's connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) spec: RouterSpec,
    pub(crate) dialect: &'static Dialect,
    pub(crate) counters: Counters,
    pub(crate) stop: CancellationToken,
    /// Ends the connections that are open; a child of `stop`.
    connections: Mutex<CancellationToken>,
    pub(crate) tasks: TaskTracker,
    door: Door,
    fault: Mutex<Option<Fault>>,
    keys: HostKeys,
    key_generation: Mutex<u64>,
}

impl LabRouter {
    /// Starts a router on a free port of 127.0.0.1. It stops when `stop` is cancelled, and all
    /// its tasks are among `tasks`.
    pub(crate) fn start(
        spec: RouterSpec,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> anyhow::Result<Self> {
        let name = spec.name.clone();
        let dialect = dialect::by_name(&spec.platform).with_context(|| {
            let known = dialect::platforms().join(", ");
            format!("router {name}: unknown platform {:?}: known are {known}", spec.platform)
        })?;
        let keys = HostKeys::new(spec.host_key, &spec.name);
        keys.key(0).with_context(|| format!("router {name}"))?;
        let shared = Arc::new(Shared {
            door: Door::open().with_context(|| format!("router {name}: no port"))?,
            fault: Mutex::new(None),
            keys,
            key_generation: Mutex::new(0),
            counters: Counters::default(),
            tasks: tasks.clone(),
            connections: Mutex::new(stop.child_token()),
            stop,
            dialect,
            spec,
        });
        let router = Self { shared: Arc::clone(&shared) };
        router.set_fault(shared.spec.fault);
        tasks.spawn(accept(shared));
        Ok(router)
    }

    /// The name, which is also the host name in the prompt.
    pub fn name(&self) -> &str {
        &self.shared.spec.name
    }

    /// Where the router listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.door.address()
    }

    /// The platform's name, such as `cisco_iosxe`.
    pub fn platform(&self) -> &str {
        &self.shared.spec.platform
    }

    /// The user who may log in.
    pub fn user(&self) -> &str {
        &self.shared.spec.login.user
    }

    /// The fingerprint of the host key as OpenSSH prints it: `SHA256:…`.
    pub fn host_key_fingerprint(&self) -> String {
        hostkey::fingerprint(&self.shared.host_key())
    }

    /// Gives the router a new host key, which the next connection sees.
    pub fn change_host_key(&self) {
        *self.shared.key_generation.lock() += 1;
    }

    /// The fault that is on.
    pub fn fault(&self) -> Option<Fault> {
        self.shared.fault()
    }

    /// Switches a fault on, or all faults off. The next connection sees it, or the next stage or
    /// command of one that is open. What has stalled already stays so.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *self.shared.fault.lock() = fault;
        let door = &self.shared.door;
        let result = if fault == Some(Fault::Refuse) { door.shut() } else { door.reopen() };
        if let Err(error) = result {
            tracing::error!(router = self.name(), %error, "the router lost its port");
        }
    }

    /// Ends the SSH connections that are open, as a restart does. The next ones are served.
    pub fn end_connections(&self) {
        let next = self.shared.stop.child_token();
        std::mem::replace(&mut *self.shared.connections.lock(), next).cancel();
    }

    /// TCP connections that are open, as the router sees them.
    pub fn connections_open(&self) -> usize {
        self.shared.counters.connections_open()
    }

    /// Sessions (channels) that are open.
    pub fn sessions_open(&self) -> usize {
        self.shared.counters.sessions_open()
    }

    /// Successful logins since the start.
    pub fn logins_total(&self) -> u64 {
        self.shared.counters.logins_total()
    }

    /// Commands since the start, typed or executed; empty lines do not count.
    pub fn commands_total(&self) -> u64 {
        self.shared.counters.commands_total()
    }

    /// How often it has fallen sick in the middle of output, other than by a flood. One that falls
    /// silent is so by the time that it is counted; a reset comes a moment later.
    pub fn stalls_total(&self) -> u64 {
        self.shared.counters.stalls_total()
    }

    /// Closes the port. The connections end by the cancellation of `stop`.
    pub(crate) fn close(&self) {
        self.shared.door.close();
    }
}

impl Shared {
    pub(crate) fn fault(&self) -> Option<Fault> {
        *self.fault.lock()
    }

    /// How the router behaves in place of an answer at `stage`; `None` when it answers.
    pub(crate) fn manner_at(&self, stage: Stage) -> Option<Manner> {
        match self.spec.sickness {
            Some(Sickness { stage: sick_at, manner }) if sick_at == stage => Some(manner),
            _ => self.fault().and_then(|fault| fault.manner_at(stage)),
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault() == Some(fault)
    }

    /// Cancelled when the connections of today are to end.
    pub(crate) fn connections(&self) -> CancellationToken {
        self.connections.lock().clone()
    }

    /// The host key that belongs to the router.
    fn host_key(&self) -> PrivateKey {
        self.key_of(*self.key_generation.lock())
    }

    /// The host key that the next connection sees.
    pub(crate) fn host_key_shown(&self) -> PrivateKey {
        let generation = *self.key_generation.lock();
        self.key_of(generation + u64::from(self.has(Fault::ChangedHostKey)))
    }

    fn key_of(&self, generation: u64) -> PrivateKey {
        self.keys.key(generation).expect("the first key was made from the same material")
    }
}

/// Accepts connections until the lab stops.
async fn accept(router: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            () = router.stop.cancelled() => return,
            accepted = router.door.accept() => accepted,
        };
        match accepted {
            Ok(socket) if router.counters.connections_open() < CONNECTIONS_MAX => {
                let open = router.counters.connection();
                router.tasks.spawn(connection::serve(Arc::clone(&router), socket, open));
            }
            Ok(_one_too_many) => {}
            Err(error) => {
                tracing::warn!(router = router.spec.name, %error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
