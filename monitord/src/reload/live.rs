use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use driver_ssh::SshSettings;
use parking_lot::Mutex;
use pool::{Fleet, RebuildScope};
use pool_core::Context;
use scheduler::Inventory;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use super::{Listening, Loaded, Part, Plan, Servers};
use crate::app::{Changeable, Parts};
use crate::cli::LogArgs;
use crate::control::Control;
use crate::inventory::zabbix::{Assigned, Resolver, ZabbixSource};
use crate::session_log::SessionLogFiles;
use crate::settings::{Digest, Settings};
use crate::sink::{self, SpooledSinks};
use crate::status::Collector;
use crate::telemetry::LogControl;

/// How long the spool may take to keep outcomes for a sink that is new, or to be opened. A disk that
/// stands still for longer is one that nothing is delivered from either.
const SPOOL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the replacement of sessions may take after definitions of platforms have changed. It is
/// done a few at a time; those that are left then are replaced when they are old.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(600);

/// Everything that runs and can be configured, and as what it is configured. Routers and lines are
/// not in it.
#[derive(Debug)]
pub(crate) struct Live {
    /// Without routers and lines.
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) digest: Digest,
    pub(crate) running: Running,
    /// The replacement of sessions that is under way.
    pub(crate) renewal: Option<AbortOnDropHandle<()>>,
}

/// The ways to what runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) log: LogControl,
    /// What the command line says of the log, which is stronger.
    pub(crate) log_flags: LogArgs,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) factories: Vec<Arc<Changeable>>,
    pub(crate) ssh: Arc<SshSettings>,
    pub(crate) session_logs: Arc<SessionLogFiles>,
    pub(crate) sinks: SpooledSinks,
    /// What tells of it all.
    pub(crate) status: Arc<Collector>,
    pub(crate) servers: Servers,
    pub(crate) shutdown_grace: Arc<Mutex<Duration>>,
    /// Where sources learn what has changed for them.
    pub(crate) resolver: watch::Sender<Arc<Resolver>>,
    /// Where sinks learn which proxy looks after which host.
    pub(crate) assigned: watch::Sender<Assigned>,
}

/// What other settings need, made without touching what runs.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    /// Lines in Zabbix by other settings.
    pub(crate) source: Option<ZabbixSource>,
    sinks: sink::Prepared,
    http: Option<Listening>,
    control: Option<Control>,
}

impl Live {
    /// Makes what `loaded` needs beside what runs.
    ///
    /// # Errors
    ///
    /// Why it cannot take effect. Nothing has changed then.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn prepare(&self, loaded: &Loaded) -> Result<Prepared> {
        let (running, new) = (&self.running, &loaded.settings);
        let has_spool = running.sinks.has_spool();
        let plan = Plan::between(&self.settings, &self.parts, loaded, has_spool);
        let plan = plan.map_err(|reason| anyhow!("{reason}"))?;
        let source = match &new.api {
            Some(api) if plan.has(Part::Api) => {
                let source = ZabbixSource::new(api.clone(), running.resolver.subscribe());
                let source = source.map_err(|error| anyhow!("zabbix.api: {error}"))?;
                Some(source.telling(running.assigned.clone()))
            }
            _ => None,
        };
        let ctx = Context::detached(SPOOL_TIMEOUT);
        let sinks = running.sinks.prepare(&ctx, new).await?;
        let http = match &new.http {
            Some(http) if plan.has(Part::Http) => {
                Some(running.servers.listen(self.settings.http.as_ref(), http).await?)
            }
            _ => None,
        };
        let control = match &new.control_socket {
            Some(path) if plan.has(Part::Control) => {
                Some(running.servers.open_control(path).await.context("control.socket")?)
            }
            _ => None,
        };
        Ok(Prepared { plan, source, sinks, http, control })
    }

    /// Has everything run as `loaded` says, but for routers, lines and where they come from. Returns
    /// the routers and lines.
    pub(crate) async fn apply(&mut self, loaded: Loaded, prepared: Prepared) -> Inventory {
        let Loaded { mut settings, parts, digest } = loaded;
        let Prepared { plan, sinks, http, control, .. } = prepared;
        let running = &self.running;
        if plan.has(Part::Log) {
            running.log.configure(running.log_flags.over(settings.log));
        }
        if plan.has(Part::Fleet) {
            running.fleet.set_limits(settings.fleet);
        }
        if plan.has(Part::Pool) {
            let set = running.fleet.set_options(settings.pool.clone());
            set.expect("options of settings that were loaded do not contradict each other");
        }
        if plan.has(Part::Platforms) {
            let drivers = parts.drivers_with(running.ssh.clone(), running.session_logs.clone());
            running.factories.iter().zip(drivers).for_each(|(known, new)| known.change(new));
            self.renewal = Some(renew(running.fleet.clone()));
        }
        running.sinks.apply(sinks).await;
        running.status.configure(&settings);
        if plan.has(Part::Http) {
            let address = http.as_ref().and_then(Listening::address);
            info!(http = address.map(tracing::field::display), "pages are served elsewhere");
            running.servers.serve_pages(http);
        }
        if plan.has(Part::Control) {
            running.servers.serve_control(control);
        }
        *running.shutdown_grace.lock() = settings.shutdown_grace;
        let resolver = settings.resolver(parts.catalog(), &settings.inventory.routers);
        running.resolver.send_if_modified(|known| {
            let is_new = !known.is_like(&resolver);
            if is_new {
                *known = Arc::new(resolver);
            }
            is_new
        });
        let inventory = std::mem::take(&mut settings.inventory);
        (self.settings, self.parts, self.digest) = (settings, parts, digest);
        inventory
    }
}

/// Replaces the sessions that were made by other definitions, a few at a time.
fn renew(fleet: Arc<Fleet>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let ctx = Context::detached(RENEWAL_TIMEOUT);
        let report = fleet.rebuild(&ctx, RebuildScope::All).await;
        info!(sessions = report.sessions.len(), "sessions were replaced for other definitions");
    }))
}
