//! Puts the parts together: drivers, pools, the schedule and the sinks.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use driver_cli::{
    CliFactory, DefinitionFile, DefinitionProblem, GuardedFactory, InvalidDefinitions, Platforms,
    SessionLog,
};
use driver_ssh::{LoginLog, SshConnector, SshFactory, SshSettings};
use pool::Fleet;
use pool_core::{ConnectionPool, ProtocolFactory};
use scheduler::{
    DefinitionError, DefinitionErrors, Inventory, PingTask, Pools, Router, RouterName, Tasks,
};
use tokio::runtime::Runtime;

use crate::catalog::Catalog;
use crate::inventory::unresolved;
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
#[derive(Debug)]
pub(crate) struct Parts {
    /// The definitions of command lines.
    pub(crate) platforms: Arc<Platforms>,
    /// What can be run on them.
    pub(crate) tasks: Arc<Tasks>,
}

impl Parts {
    /// Those that come with the crates.
    pub(crate) fn builtin() -> Self {
        Self { platforms: Arc::new(Platforms::builtin()), tasks: Arc::new(Tasks::builtin()) }
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
                Ok(Self { platforms: Arc::new(platforms), tasks: Arc::new(tasks) })
            }
            (platforms, tasks) => Err(problems(platforms.err(), tasks.err())),
        }
    }

    /// The ping, among the tasks.
    pub(crate) fn ping(&self) -> &PingTask {
        self.tasks.ping()
    }

    /// The drivers, with these limits.
    pub(crate) fn drivers(&self, limits: &SshLimits) -> Drivers {
        self.drivers_watched(limits, &Watch::default())
    }

    /// The drivers, with these limits, which note what they see and hear as `watch` says.
    pub(crate) fn drivers_watched(&self, limits: &SshLimits, watch: &Watch) -> Drivers {
        let mut settings = SshSettings::new(&limits.known_hosts);
        settings.login_log = watch.logins.clone();
        if let Some(threads) = limits.blocking_threads_max {
            settings.blocking_threads_max = threads;
        }
        let ssh = Arc::new(settings);
        let connector = Arc::new(SshConnector::new(ssh.clone()));
        let cli = CliFactory::new(connector, self.platforms.clone());
        let mut cli = cli.writing_to(Arc::new(SessionLogFiles::default()));
        if let Some(log) = &watch.sessions {
            cli = cli.logging_to(log.clone());
        }
        let exec = Arc::new(SshFactory::new(ssh.clone()));
        let exec = GuardedFactory::new(exec, self.platforms.clone());
        Drivers { factories: vec![Arc::new(exec), Arc::new(cli)], ssh }
    }

    /// What can be checked with them.
    pub(crate) fn catalog(&self) -> Catalog {
        // A factory says what it can do without touching its limits.
        let limits = SshLimits { known_hosts: "".into(), blocking_threads_max: None };
        let factories = self.drivers(&limits).factories;
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

/// What makes sessions.
#[derive(Debug)]
pub(crate) struct Drivers {
    /// One for each protocol.
    pub(crate) factories: Vec<Arc<dyn ProtocolFactory>>,
    /// What all of them share.
    pub(crate) ssh: Arc<SshSettings>,
}

/// A runtime with threads for all blocking work that `inventory` can cause at once, so that
/// look-ups that hang take no thread from SSH sessions.
///
/// # Errors
///
/// When the operating system has no threads for it.
pub(crate) fn runtime(limits: &SshLimits, inventory: &Inventory) -> io::Result<Runtime> {
    let by_name = |router: &&Router| router.connection.endpoint.host().parse::<IpAddr>().is_err();
    let named = inventory.routers.iter().filter(by_name);
    let look_ups: usize = named.map(|router| router.connection.max_connections).sum();
    let ssh = limits
        .blocking_threads_max
        .unwrap_or_else(|| SshSettings::new(&limits.known_hosts).blocking_threads_max);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("monitord")
        .max_blocking_threads(
            ssh + OTHER_THREADS + look_ups.clamp(RESOLVER_THREADS_MIN, RESOLVER_THREADS_MAX),
        )
        .build()
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
