use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use parking_lot::Mutex;
use pool::Fleet;
use pool_core::{Context, ProtocolFactory};
use scheduler::{Inventory, Scheduler, SourceError};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use super::{Exit, start_logging};
use crate::app::{self, Changeable, FleetPools};
use crate::board::Board;
use crate::cli::RunArgs;
use crate::control::Server;
use crate::inventory::zabbix::{ZabbixSource, assigned_channel};
use crate::inventory::{ConfigurationWatch, Follower, Kept, Known, Surroundings, record_of};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::reload::{Listening, Live, Loaded, Origin, Reloads, Running, Servers, Start};
use crate::session_log::SessionLogFiles;
use crate::settings::{Settings, ShownPoolOptions, Stamps};
use crate::shutdown::Signals;
use crate::sink::{self, Sink, SpooledSinks, StdoutSink};
use crate::status::Collector;
use crate::telemetry::LogControl;
use crate::{systemd, web};

/// Of the time for a stop, the part in which checks in flight may end. The rest is for delivery.
const CHECKS_SHARE: u32 = 2;
/// How many warnings about the configuration are logged at start.
const WARNINGS_LOGGED_MAX: usize = 10;
/// How long the spool may take to be opened. One of gigabytes that is damaged is read from end to end.
const SPOOL_TIMEOUT: Duration = Duration::from_secs(600);
/// How many may wait for a reload; the control socket has no more places.
const RELOADS_MAX: usize = 8;

/// Runs the daemon until it is asked to stop.
pub(super) fn execute(args: &RunArgs) -> Result<Exit> {
    // Before anything else: a SIGHUP would end a process that does not listen to it yet.
    let signals = Signals::install().context("cannot install signal handlers")?;
    let origin = Origin::new(args.config.config.clone(), args.config.overrides.clone());
    let start = origin.start()?;
    let settings = &start.loaded.settings;
    let log = start_logging(&args.config.log, settings.log)?;
    warn_of(&settings.warnings);
    let records = Kept::beside(&settings.ssh.known_hosts);
    match (&start.kept, &settings.inventory_file) {
        (Some((as_of, problem)), _) => {
            error!(%as_of, %problem, "the inventory cannot be read: what was last good is checked");
        }
        (None, Some(file)) => {
            records.save_aside(ConfigurationWatch::NAME, record_of(file.clone()));
        }
        (None, None) => {}
    }
    let runtime = app::runtime(&settings.ssh, &settings.inventory)?;
    let limits = Limits::new(app::threads_max(&settings.ssh, &settings.inventory));
    let daemon = Daemon { args, origin, signals, log, records, limits };
    let ended = runtime.block_on(daemon.run(start));
    // A thread that hangs in the resolver, or in a write to a pipe that nobody reads, must not
    // keep the process from ending.
    runtime.shutdown_background();
    ended
}

/// A large inventory can have as many warnings as lines; the log has a few of them.
fn warn_of(warnings: &[String]) {
    for warning in warnings.iter().take(WARNINGS_LOGGED_MAX) {
        warn!("{warning}");
    }
    let more = warnings.len().saturating_sub(WARNINGS_LOGGED_MAX);
    if more > 0 {
        warn!(more, "there are more warnings: see `monitord validate`");
    }
}

/// What a daemon begins with, beside its configuration.
struct Daemon<'a> {
    args: &'a RunArgs,
    origin: Origin,
    signals: Signals,
    log: LogControl,
    /// What is kept of the inventory for the next start.
    records: Kept,
    limits: Limits,
}

impl Daemon<'_> {
    async fn run(self, start: Start) -> Result<Exit> {
        let Start { loaded: Loaded { mut settings, parts, digest }, stamps, kept } = start;
        let shutdown = self.signals.shutdown().clone();
        let inventory = std::mem::take(&mut settings.inventory);
        let session_logs = Arc::new(SessionLogFiles::default());
        let ssh = Arc::new(app::ssh_settings(&settings.ssh));
        let factories = parts.drivers_with(ssh.clone(), session_logs.clone());
        let factories: Vec<_> = factories.into_iter().map(Changeable::new).map(Arc::new).collect();
        let made = factories.iter().map(|factory| factory.clone() as Arc<dyn ProtocolFactory>);
        let fleet = Arc::new(app::fleet(made.collect(), &settings)?);
        let board = Arc::new(Board::new(&inventory));
        let reloads = Arc::new(Reloads::new(digest));
        let (requests, asked) = mpsc::channel(RELOADS_MAX);
        let metrics = Metrics::new(
            fleet.clone(),
            ssh.clone(),
            board.clone(),
            settings.metrics,
            reloads.clone(),
        );
        let metrics = Arc::new(metrics);
        let listening = match &settings.http {
            Some(http) => Some(Listening::open(http).await?),
            None => None,
        };
        let http = listening.as_ref().and_then(Listening::address);
        let (assigned, hosts) = assigned_channel();
        let spooled = SpooledSinks::new(metrics.zabbix().clone(), metrics.spool().clone(), hosts);
        let ctx = Context::detached(SPOOL_TIMEOUT);
        spooled.apply(spooled.prepare(&ctx, &settings).await?).await;
        announce(&settings, &inventory, http);

        let (sender, outcomes) = mpsc::channel(sink::OUTCOMES_MAX);
        let drained = CancellationToken::new();
        let sinks = self.sinks(&spooled, &metrics);
        let fan_out =
            sink::fan_out(outcomes, board.clone(), metrics.clone(), sinks, drained.clone());
        let fan_out = tokio::spawn(fan_out);
        let scheduler = Scheduler::start(
            inventory.clone(),
            Arc::new(FleetPools(fleet.clone())),
            parts.tasks.clone(),
            sender,
            shutdown.clone(),
        );
        let status = Collector::new(board.clone(), fleet.clone(), metrics.clone(), reloads.clone());
        status.configure(&settings);
        let status = Arc::new(status);
        let server = Server {
            checker: scheduler.checker(),
            status: status.clone(),
            reloads: requests,
            log: self.log.clone(),
            shutdown: shutdown.clone(),
        };
        let pages = web::Pages::new(metrics, status.clone());
        let servers = Servers::new(pages, Arc::new(server), shutdown.clone());
        servers.serve_pages(listening);
        if let Some(path) = &settings.control_socket {
            servers.serve_control(Some(servers.open_control(path).await?));
        }
        let (resolver, _) =
            watch::channel(Arc::new(settings.resolver(parts.catalog(), &inventory.routers)));
        let shutdown_grace = Arc::new(Mutex::new(settings.shutdown_grace));
        let running = Running {
            log: self.log,
            log_flags: self.args.config.log.clone(),
            fleet: fleet.clone(),
            factories,
            ssh,
            session_logs,
            sinks: spooled.clone(),
            status,
            servers: servers.clone(),
            shutdown_grace: shutdown_grace.clone(),
            resolver,
            assigned,
        };
        let surroundings = Surroundings {
            kept: self.records,
            board: board.clone(),
            reconciler: scheduler.reconciler(),
            limits: self.limits,
            reloads,
            shutdown: shutdown.clone(),
        };
        let live = Live { settings, parts, digest, running, renewal: None };
        let follower = follow(self.origin, surroundings, live, inventory, stamps, kept)?;
        let hang_ups = self.signals.hang_ups();
        let following = AbortOnDropHandle::new(tokio::spawn(follower.run(hang_ups, asked)));
        self.signals.started();
        systemd::ready(&board);
        let feeding = AbortOnDropHandle::new(tokio::spawn(systemd::feed(board)));
        let stop = Stop { scheduler, drained, fan_out, fleet };
        let (stop, exit) = stop.awaited(&shutdown, following, &spooled).await;
        systemd::stopping();
        drop(feeding);
        servers.serve_control(None);
        let grace = *shutdown_grace.lock();
        stop.within(grace).await;
        servers.serve_pages(None);
        info!("stopped");
        Ok(exit)
    }

    fn sinks(&self, spooled: &SpooledSinks, metrics: &Metrics) -> Vec<Box<dyn Sink>> {
        let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(spooled.clone())];
        if self.args.output.is_some() {
            sinks.push(Box::new(StdoutSink::start(metrics.stdout().clone())));
        }
        sinks
    }
}

/// Follows the configuration, and the lines in Zabbix if there are any.
fn follow(
    origin: Origin,
    surroundings: Surroundings,
    live: Live,
    inventory: Inventory,
    stamps: Stamps,
    kept: Option<(Timestamp, SourceError)>,
) -> Result<Follower> {
    // What was kept is no look: the file is looked at soon.
    let is_stale = kept.is_some();
    let as_of = kept.map_or_else(Timestamp::now, |(as_of, _)| as_of);
    let api = live.settings.api.clone();
    let resolver = live.running.resolver.subscribe();
    let assigned = live.running.assigned.clone();
    let restored = api
        .as_ref()
        .and_then(|api| ZabbixSource::restore(api, &resolver.borrow(), &surroundings.kept));
    let known = watch::Sender::new(Known::of(&live.settings, &live.parts, stamps));
    let watch = ConfigurationWatch::new(origin, known.subscribe(), is_stale);
    let mut follower = Follower::new(surroundings, live, known, inventory, as_of);
    follower.watch_configuration(watch);
    if let Some(api) = api {
        let source = ZabbixSource::new(api, resolver)?.telling(assigned);
        follower.watch_zabbix(source, restored);
    }
    Ok(follower)
}

/// Says once what holds from now on.
fn announce(settings: &Settings, inventory: &Inventory, http: Option<SocketAddr>) {
    let limits = &settings.connection;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        routers = inventory.routers.len(),
        lines = inventory.lines.len(),
        http = http.map(tracing::field::display),
        zabbix = settings.reporting().map(|zabbix| tracing::field::display(&zabbix.address)),
        "started"
    );
    info!(
        connect = ?limits.connect_timeout,
        read = ?limits.read_timeout,
        write = ?limits.write_timeout,
        health_check = ?limits.health_check_timeout,
        retry = ?limits.retry_timeout,
        shutdown_grace = ?settings.shutdown_grace,
        "timeouts"
    );
    info!(options = %ShownPoolOptions(&settings.pool), "pool");
}

/// What is to be stopped.
struct Stop {
    scheduler: Scheduler,
    drained: CancellationToken,
    fan_out: JoinHandle<Vec<Box<dyn Sink>>>,
    fleet: Arc<Fleet>,
}

/// A part without which nothing is of use, and that ends only when the process does.
type Vital = Result<(), JoinError>;

impl Stop {
    /// Waits until the process is to stop. When a vital part has ended before, it is to stop too, and
    /// to be started again by whoever looks after it.
    async fn awaited(
        mut self,
        shutdown: &CancellationToken,
        following: AbortOnDropHandle<()>,
        sinks: &SpooledSinks,
    ) -> (Self, Exit) {
        let (part, ended): (_, Vital) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return (self, Exit::Ok),
            ended = following => ("inventory", ended),
            ended = &mut self.fan_out => {
                // There is nobody to hand outcomes to, and nothing to be finished.
                let ended = ended.map(drop);
                self.fan_out = tokio::spawn(async { Vec::new() });
                ("outcomes", ended)
            }
            () = sinks.broken() => ("spool", Ok(())),
        };
        if shutdown.is_cancelled() {
            return (self, Exit::Ok);
        }
        let error = ended.err().map(tracing::field::display);
        error!(part, error, "a vital part has ended: stopping, to be started again");
        shutdown.cancel();
        (self, Exit::Failed)
    }

    /// First the checks end and their outcomes reach the sinks; then the sinks deliver while the
    /// routers are logged out from. All of it takes `grace` at most.
    async fn within(self, grace: Duration) {
        let ctx = Context::detached(grace);
        if timeout(grace / CHECKS_SHARE, self.scheduler.join()).await.is_err() {
            warn!("stopping: checks did not end in time, and have no outcome");
        }
        self.drained.cancel();
        let delivered = async {
            match timeout(ctx.remaining(), self.fan_out).await {
                Ok(Ok(sinks)) => sink::finish(sinks, &ctx).await,
                Ok(Err(error)) => warn!(%error, "stopping: outcomes were lost"),
                Err(_) => warn!("stopping: outcomes did not reach the sinks in time"),
            }
        };
        tokio::join!(delivered, self.fleet.close(&ctx));
    }
}
