use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use pool::Fleet;
use pool_core::Context;
use scheduler::{DropLimit, Keeper, Scheduler};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use super::{Exit, prepare_start};
use crate::app::{self, FleetPools, Parts};
use crate::board::Board;
use crate::cli::RunArgs;
use crate::control::Control;
use crate::inventory::zabbix::{Assigned, ZabbixSource, assigned_channel};
use crate::inventory::{ConfigurationSource, Follower, Kept, Restored, Start, Watched, record_of};
use crate::metrics::Metrics;
use crate::settings::{Settings, ShownPoolOptions};
use crate::shutdown::HangUps;
use crate::sink::{self, Sink, SpooledSinks, StdoutSink};
use crate::status::Collector;
use crate::{descriptors, shutdown, systemd, web};

/// Of the time for a stop, the part in which checks in flight may end. The rest is for delivery.
const CHECKS_SHARE: u32 = 2;
/// How many warnings about the configuration are logged at start.
const WARNINGS_LOGGED_MAX: usize = 10;

/// Runs the daemon until it is asked to stop.
pub(super) fn execute(args: &RunArgs, parts: &Parts) -> Result<Exit> {
    let Start { settings, kept } = prepare_start(&args.config, parts)?;
    warn_of(&settings.warnings);
    let records = Kept::beside(&settings.ssh.known_hosts);
    match (&kept, &settings.inventory_file) {
        (Some((as_of, problem)), _) => {
            error!(%as_of, %problem, "the inventory cannot be read: what was last good is checked");
        }
        (None, Some(file)) => {
            records.save_aside(ConfigurationSource::NAME, record_of(file.clone()));
        }
        (None, None) => {}
    }
    descriptors::raise(&settings.inventory, settings.fleet);
    let runtime = app::runtime(&settings.ssh, &settings.inventory)?;
    let (sender, assigned) = assigned_channel();
    let mut sources = sources(args, &settings, parts, sender)?;
    let restored = settings
        .api
        .as_ref()
        .and_then(|api| ZabbixSource::restore(api, &settings.resolver(parts.catalog()), &records));
    // What was kept is no look: the file is looked at soon.
    sources[0].is_new = kept.is_some();
    let as_of = kept.map_or_else(Timestamp::now, |(as_of, _)| as_of);
    let origin = Origin { sources, assigned, records, as_of, restored };
    let ended = runtime.block_on(daemon(&settings, origin, args.output.is_some(), parts));
    // A thread that hangs in the resolver, or in a write to a pipe that nobody reads, must not
    // keep the process from ending.
    runtime.shutdown_background();
    ended
}

/// Where the inventory comes from.
struct Origin {
    sources: Vec<Watched>,
    /// Which proxy looks after which host, as far as one of them tells.
    assigned: watch::Receiver<Assigned>,
    /// What is kept of them for the next start.
    records: Kept,
    /// Since when what is known of them is as it is.
    as_of: Timestamp,
    /// What was kept of the lines in Zabbix.
    restored: Option<Restored>,
}

/// Where lines come from, the strongest first.
fn sources(
    args: &RunArgs,
    settings: &Settings,
    parts: &Parts,
    assigned: watch::Sender<Assigned>,
) -> Result<Vec<Watched>> {
    let (changes, resolver) = watch::channel(Arc::new(settings.resolver(parts.catalog())));
    let (path, overrides) = (args.config.config.clone(), args.config.overrides.clone());
    let configuration = ConfigurationSource::new(path, overrides, parts.catalog(), changes);
    let mut sources = vec![Watched {
        source: Box::new(configuration),
        refresh: settings.inventory_refresh,
        is_new: false,
        resolver: None,
    }];
    if let Some(api) = &settings.api {
        sources.push(Watched {
            source: Box::new(ZabbixSource::new(api.clone(), resolver.clone())?.telling(assigned)),
            refresh: Some(api.refresh),
            is_new: true,
            resolver: Some(resolver),
        });
    }
    Ok(sources)
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

async fn daemon(
    settings: &Settings,
    origin: Origin,
    to_stdout: bool,
    parts: &Parts,
) -> Result<Exit> {
    let shutdown = shutdown::on_signal().context("cannot install signal handlers")?;
    let hang_ups = HangUps::listen().context("cannot install signal handlers")?;
    let listener = match &settings.http {
        Some(http) => Some((listen(http.listen).await?, web::Access::new(http)?)),
        None => None,
    };
    let http = listener.as_ref().and_then(|(listener, _)| listener.local_addr().ok());
    let drivers = parts.drivers(&settings.ssh);
    let fleet = Arc::new(app::fleet(drivers.factories, settings)?);
    let board = Arc::new(Board::new(&settings.inventory));
    let metrics =
        Arc::new(Metrics::new(fleet.clone(), drivers.ssh, board.clone(), settings.metrics));
    let status = Collector::new(board.clone(), fleet.clone(), metrics.clone(), settings);
    let status = Arc::new(status);
    let web = listener.map(|(listener, access)| {
        let pages = web::Pages::new(metrics.clone(), status.clone());
        web::serve(listener, access, pages, shutdown.clone())
    });
    let Origin { sources, assigned, records, as_of, mut restored } = origin;
    let sinks = start_sinks(settings, to_stdout, &metrics, assigned)?;
    announce(settings, http);

    let (sender, outcomes) = mpsc::channel(sink::OUTCOMES_MAX);
    let drained = CancellationToken::new();
    let fan_out =
        tokio::spawn(sink::fan_out(outcomes, board.clone(), metrics, sinks, drained.clone()));
    let scheduler = Scheduler::start(
        settings.inventory.clone(),
        Arc::new(FleetPools(fleet.clone())),
        parts.tasks.clone(),
        sender,
        shutdown.clone(),
    );
    let control = match &settings.control_socket {
        Some(path) => {
            Some(Control::open(path, scheduler.checker(), status, shutdown.clone()).await?)
        }
        None => None,
    };
    let keeper = Keeper::new(DropLimit::default());
    let follower = Follower::new(keeper, records, board.clone(), scheduler.reconciler());
    let follower = sources.into_iter().fold(follower, |follower, watched| {
        if watched.source.name() == ConfigurationSource::NAME {
            follower.with(watched, settings.inventory.clone(), as_of)
        } else {
            follower.with_kept(watched, restored.take())
        }
    });
    let following = follower.run(hang_ups, shutdown.clone());
    let following = AbortOnDropHandle::new(tokio::spawn(following));
    systemd::ready(&board);
    let feeding = AbortOnDropHandle::new(tokio::spawn(systemd::feed(board)));
    shutdown.cancelled().await;
    systemd::stopping();
    drop((following, feeding, control));
    let stop = Stop { scheduler, drained, fan_out, fleet };
    stop.within(settings.shutdown_grace).await;
    if let Some(web) = web {
        web.abort();
    }
    info!("stopped");
    Ok(Exit::Ok)
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn start_sinks(
    settings: &Settings,
    to_stdout: bool,
    metrics: &Metrics,
    assigned: watch::Receiver<Assigned>,
) -> Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(spooled) = SpooledSinks::start(settings, metrics, assigned)? {
        sinks.push(Box::new(spooled));
    }
    if to_stdout {
        sinks.push(Box::new(StdoutSink::start(metrics.stdout().clone())));
    }
    Ok(sinks)
}

/// Says once what holds from now on.
fn announce(settings: &Settings, http: Option<SocketAddr>) {
    let limits = &settings.connection;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        routers = settings.inventory.routers.len(),
        lines = settings.inventory.lines.len(),
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

impl Stop {
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
