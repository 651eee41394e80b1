//! A runtime of its own for each test, whose threads and sockets can be counted although other
//! tests run beside it in the same process.

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use driver_ssh::{SshConnector, SshFactory, SshSettings};
use lab::{Lab, RouterSpec};
use pool_core::{
    ConnectionConfig, Connector, Context, Credentials, Endpoint, Platform, ProtocolDriver,
    ProtocolFactory, Result, Transport,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Far more than any test needs: what runs into it hangs.
const TEST_TIME_MAX: Duration = Duration::from_secs(30);
/// How long freed threads and sockets may take to disappear.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(5);
const WORKERS: usize = 2;

/// Where the peers run, so that their threads and tasks are not counted as ours.
static PEERS: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).thread_name("peers").enable_all().build().unwrap()
});

/// Runs a peer's set-up on the peers' runtime.
pub(crate) fn on_peers<T>(work: impl Future<Output = T>) -> T {
    PEERS.block_on(work)
}

/// A lab of one router, called `r`.
pub(crate) fn lab_of(spec: impl FnOnce(RouterSpec) -> RouterSpec) -> Lab {
    on_peers(Lab::start(vec![spec(RouterSpec::new("r", "linux"))])).unwrap()
}

pub(crate) struct Rig {
    runtime: Runtime,
    thread_name: String,
    dir: TempDir,
    pub(crate) settings: Arc<SshSettings>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with_threads(8)
    }

    pub(crate) fn with_threads(blocking_threads_max: usize) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let thread_name = format!("rig-{}-", COUNT.fetch_add(1, Ordering::Relaxed));
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name(thread_name.clone())
            .thread_keep_alive(Duration::from_millis(10))
            .enable_all()
            .build()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut settings = SshSettings::new(dir.path().join("known_hosts"));
        settings.blocking_threads_max = blocking_threads_max;
        Self { runtime, thread_name, dir, settings: Arc::new(settings) }
    }

    pub(crate) fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.run_within(TEST_TIME_MAX, test)
    }

    /// Like [`Rig::run`], for what takes longer on a busy machine.
    pub(crate) fn run_within<T>(&self, limit: Duration, test: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(limit, test).await }).expect("the test hangs")
    }

    pub(crate) fn dir(&self) -> &TempDir {
        &self.dir
    }

    pub(crate) async fn exec(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        SshFactory::new(self.settings.clone()).create_with_context(ctx, config).await
    }

    pub(crate) async fn shell(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn Transport>> {
        SshConnector::new(self.settings.clone()).connect(ctx, config).await
    }

    /// Threads of this rig that run now, beside the runtime's workers.
    pub(crate) fn extra_threads(&self) -> usize {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        // A worker that has only just started does not bear its name yet.
        let named = names.filter(|name| name.trim_end() == self.thread_name).count();
        named.saturating_sub(WORKERS)
    }

    /// Waits until no thread, task or socket is left of whatever ran against `peer`.
    pub(crate) fn assert_nothing_remains(&self, peer: SocketAddr) {
        let left = || {
            let tasks = self.runtime.metrics().num_alive_tasks();
            (self.extra_threads(), tasks, sockets_to(peer), self.settings.blocking_threads_in_use())
        };
        let settling = async {
            while left() != (0, 0, 0, 0) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = self.runtime.block_on(async { timeout(SETTLE_TIME_MAX, settling).await });
        assert!(settled.is_ok(), "threads, tasks, sockets, permits left: {:?}", left());
    }
}

/// Sockets of this process that are connected to `peer`, including those being connected.
pub(crate) fn sockets_to(peer: SocketAddr) -> usize {
    let port = format!(":{:04X}", peer.port());
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let inodes: Vec<_> = table
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            (fields.get(2)?.ends_with(&port)).then(|| format!("socket:[{}]", fields[9]))
        })
        .collect();
    let fds = fs::read_dir("/proc/self/fd").unwrap().flatten();
    fds.filter_map(|fd| fs::read_link(fd.path()).ok())
        .filter(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()))
        .count()
}

/// The lab's own user at `address`.
pub(crate) fn config(address: SocketAddr) -> ConnectionConfig {
    let endpoint = Endpoint::new(address.ip().to_string(), address.port()).unwrap();
    let credentials = Credentials::password(lab::DEFAULT_USER, lab::DEFAULT_PASSWORD.to_owned());
    ConnectionConfig::new(endpoint, Platform::new("linux"), credentials)
}

/// A context that only a hanging test meets the end of.
pub(crate) fn patient() -> Context {
    Context::detached(Duration::from_secs(20))
}
