//! Puts the parts together: drivers, pools, the schedule and the sinks.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use driver_cli::{
    CliFactory, DefinitionFile, DefinitionProblem, GuardedFactory, InvalidDefinitions, Platforms,
    SessionLog,
};
use driver_ssh::{LoginLog, SshConnector, SshFactory, SshSettings};
use parking_lot::RwLock;
use pool::Fleet;
use pool_core::{
    Capability, ConnectionConfig, ConnectionPool, Context, PlatformSupport, Protocol,
    ProtocolDriver, ProtocolFactory,
};
use scheduler::{
    DefinitionError, DefinitionErrors, Inventory, PingTask, Pools, Router, RouterName, Tasks,
};
use tokio::runtime::Runtime;

use crate::catalog::Catalog;
use crate::inventory::unresolved;
use crate::reload::no_definitions;
use crate::session_log::SessionLogFiles;
use crate::settings::{Settings, SshLimits};

/// Blocking threads beside those for SSH: standard output, and the resolver for Zabbix's name.
const OTHER_THREADS: usize = 16;
/// The most threads for the resolver, which blocks one for each name that it looks up. When the
/// DNS is away, more look-ups than this at once wait for each other.
const RESOLVER_THREADS_MAX: usize = 512;
/// At least so many threads may be had for it: the inventory can come to have routers by name.
/// Threads are made when they are needed.
const RESOLVER_THREADS_MIN: usize = 64;

/// What drivers and tasks exist. Made before the settings are read, because they say what a
/// router's platform may be.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The definitions of command lines.
    pub(crate) platforms: Arc<Platforms>,
    /// What can be run on them.
    pub(crate) tasks: Arc<Tasks>,
    /// The operator's files that are in both.
    pub(crate) definitions: Arc<[DefinitionFile]>,
}

impl Parts {
    /// Those that come with the crates.
    pub(crate) fn builtin() -> Self {
        Self {
            platforms: Arc::new(Platforms::builtin()),
            tasks: Arc::new(Tasks::builtin()),
            definitions: no_definitions(),
        }
    }

    /// Those that come with the crates, and those of the operator's definition files: each crate
    /// takes its own table of a file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files.
    pub(crate) fn with_files(files: &[DefinitionFile]) -> Result<Self, InvalidDefinitions> {
        let named: Vec<_> =
            files.iter().map(|file| (file.path().display().to_string(), file.text())).collect();
        let named: Vec<_> = named.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let platforms = Platforms::with_files(files.iter().cloned());
        match (platforms, Tasks::with_files(&named)) {
            (Ok(platforms), Ok(tasks)) => {
                let (platforms, tasks) = (Arc::new(platforms), Arc::new(tasks));
                Ok(Self { platforms, tasks, definitions: files.into() })
            }
            (platforms, tasks) => Err(problems(platforms.err(), tasks.err())),
        }
    }

    /// The ping, among the tasks.
    pub(crate) fn ping(&self) -> &PingTask {
        self.tasks.ping()
    }

    /// What makes sessions, one for each protocol, with these limits.
    pub(crate) fn drivers(&self, limits: &SshLimits) -> Vec<Arc<dyn ProtocolFactory>> {
        self.drivers_watched(limits, &Watch::default())
    }

    /// The same, which note what they see and hear as `watch` says.
    pub(crate) fn drivers_watched(
        &self,
        limits: &SshLimits,
        watch: &Watch,
    ) -> Vec<Arc<dyn ProtocolFactory>> {
        let files = Arc::new(SessionLogFiles::default());
        let mut ssh = ssh_settings(limits);
        ssh.login_log = watch.logins.clone();
        self.make(Arc::new(ssh), files, watch.sessions.clone())
    }

    /// The same, as `ssh` says, of which those with sessions to log write them to `files`.
    pub(crate) fn drivers_with(
        &self,
        ssh: Arc<SshSettings>,
        files: Arc<SessionLogFiles>,
    ) -> Vec<Arc<dyn ProtocolFactory>> {
        self.make(ssh, files, None)
    }

    fn make(
        &self,
        ssh: Arc<SshSettings>,
        files: Arc<SessionLogFiles>,
        log: Option<SessionLog>,
    ) -> Vec<Arc<dyn ProtocolFactory>> {
        let connector = Arc::new(SshConnector::new(ssh.clone()));
        let mut cli = CliFactory::new(connector, self.platforms.clone()).writing_to(files);
        if let Some(log) = log {
            cli = cli.logging_to(log);
        }
        let exec = GuardedFactory::new(Arc::new(SshFactory::new(ssh)), self.platforms.clone());
        vec![Arc::new(exec), Arc::new(cli)]
    }

    /// What can be checked with them.
    pub(crate) fn catalog(&self) -> Catalog {
        // A factory says what it can do without touching its limits.
        let limits = SshLimits { known_hosts: "".into(), blocking_threads_max: None };
        let factories = self.drivers(&limits);
        let capabilities = factories.iter().map(|factory| factory.capability().clone());
        Catalog::new(self.tasks.clone(), capabilities.collect())
    }
}

/// Everything that is wrong with either half of definition files. What stands outside of tables
/// is both crates' to read; it is said once.
fn problems(
    cli: Option<InvalidDefinitions>,
    tasks: Option<DefinitionErrors>,
) -> InvalidDefinitions {
    let mut problems = cli.map(|InvalidDefinitions(problems)| problems).unwrap_or_default();
    for DefinitionError { file, key, reason } in tasks.into_iter().flat_map(|errors| errors.0) {
        let said = problems.iter().any(|known| known.file == file && !known.key.starts_with("cli"));
        if ["ping", "interface"].iter().any(|table| key.starts_with(table)) || !said {
            problems.push(DefinitionProblem { file, key, reason });
        }
    }
    InvalidDefinitions(problems)
}

/// Where drivers note what they see and hear, for single sessions that are looked into.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What is said on the sessions that have something to show.
    pub(crate) sessions: Option<SessionLog>,
    /// Whom they meet on the way in.
    pub(crate) logins: Option<LoginLog>,
}

/// How many threads may do blocking work: for all that `inventory` can cause at once, so that
/// look-ups that hang take no thread from SSH sessions.
pub(crate) fn threads_max(limits: &SshLimits, inventory: &Inventory) -> usize {
    let by_name = |router: &&Router| router.connection.endpoint.host().parse::<IpAddr>().is_err();
    let named = inventory.routers.iter().filter(by_name);
    let look_ups: usize = named.map(|router| router.connection.max_connections).sum();
    let ssh = ssh_settings(limits).blocking_threads_max;
    ssh + OTHER_THREADS + look_ups.clamp(RESOLVER_THREADS_MIN, RESOLVER_THREADS_MAX)
}

/// A runtime with threads for all blocking work that `inventory` can cause at once.
///
/// # Errors
///
/// When the operating system has no threads for it.
pub(crate) fn runtime(limits: &SshLimits, inventory: &Inventory) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("monitord")
        .max_blocking_threads(threads_max(limits, inventory))
        .build()
}

/// What all SSH sessions share.
pub(crate) fn ssh_settings(limits: &SshLimits) -> SshSettings {
    let mut settings = SshSettings::new(&limits.known_hosts);
    if let Some(threads) = limits.blocking_threads_max {
        settings.blocking_threads_max = threads;
    }
    settings
}

/// The sessions of all routers, kept as `settings` say.
///
/// # Errors
///
/// Options that contradict each other; those of settings that were loaded do not.
pub(crate) fn fleet(
    factories: Vec<Arc<dyn ProtocolFactory>>,
    settings: &Settings,
) -> pool_core::Result<Fleet> {
    Fleet::with_limits(factories, settings.fleet).with_options(settings.pool.clone())
}

/// A factory in whose place another can be put: sessions that are made from then on are the other's.
#[derive(Debug)]
pub(crate) struct Changeable {
    protocol: Protocol,
    capability: Capability,
    // A blocking lock, held for a look and never across an await.
    factory: RwLock<Arc<dyn ProtocolFactory>>,
}

impl Changeable {
    /// `factory`, for now.
    pub(crate) fn new(factory: Arc<dyn ProtocolFactory>) -> Self {
        // Which platforms there are is the factory's to say, of which there are several in turn.
        let capability =
            Capability { platforms: PlatformSupport::Any, ..factory.capability().clone() };
        Self { protocol: factory.protocol(), capability, factory: RwLock::new(factory) }
    }

    /// `factory` from now on, which is one for the same protocol.
    pub(crate) fn change(&self, factory: Arc<dyn ProtocolFactory>) {
        debug_assert_eq!(factory.protocol(), self.protocol, "factories are in the same order");
        *self.factory.write() = factory;
    }
}

#[async_trait]
impl ProtocolFactory for Changeable {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> pool_core::Result<Box<dyn ProtocolDriver>> {
        let factory = self.factory.read().clone();
        factory.create_with_context(ctx, config).await
    }
}

/// The scheduler's view of the fleet.
#[derive(Debug)]
pub(crate) struct FleetPools(pub(crate) Arc<Fleet>);

impl Pools for FleetPools {
    fn pool(&self, router: &Router) -> pool_core::Result<Arc<dyn ConnectionPool>> {
        if let Some(error) = unresolved::error_of(router) {
            return Err(error);
        }
        Ok(self.0.pool(router.name.as_str(), &router.connection)?)
    }

    fn retire(&self, router: &RouterName) {
        self.0.retire(router.as_str());
    }
}
