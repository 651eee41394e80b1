use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use parking_lot::RwLock;
use pool_core::Context;
use scheduler::Outcome;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::error;

use super::file::{self, FileSink};
use super::zabbix::{self, ZabbixSink};
use super::{DurableSink, Sink};
use crate::inventory::zabbix::Assigned;
use crate::metrics::Metrics;
use crate::settings::{FileSettings, Settings, ZabbixSettings};
use crate::spool::{Spool, SpoolSettings};
use crate::tls::TlsClient;

/// How long the last commit may take, after everyone else has had all the time there was.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the spool may take to hear of its sinks. A disk that stands still for longer is one
/// that nothing is delivered from either.
const WANT_TIMEOUT: Duration = Duration::from_secs(5);

/// The spool, and the sinks that it feeds. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SpooledSinks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    metrics: Arc<Metrics>,
    /// Which proxy looks after which host.
    assigned: watch::Receiver<Assigned>,
    /// Made when the first sink is. A blocking lock, never held across an await.
    spool: RwLock<Option<Arc<Spool>>>,
    sinks: Mutex<Sinks>,
}

/// What runs.
#[derive(Debug, Default)]
struct Sinks {
    zabbix: Running<ZabbixSettings>,
    file: Running<FileSettings>,
}

/// A sink as it is configured, if it is.
#[derive(Debug)]
struct Running<S> {
    settings: Option<S>,
    sink: Option<Box<dyn DurableSink>>,
}

impl<S> Default for Running<S> {
    fn default() -> Self {
        Self { settings: None, sink: None }
    }
}

/// What other settings need, made without touching what runs.
#[derive(Debug)]
pub(crate) struct Prepared {
    zabbix: Option<ZabbixSettings>,
    tls: Option<TlsClient>,
    file: Option<FileSettings>,
    bounds: SpoolSettings,
    /// A spool, where there was none.
    spool: Option<Arc<Spool>>,
}

impl SpooledSinks {
    /// No sink, and no spool.
    /// `assigned` tells which proxy looks after which host, where a group of them does.
    pub(crate) fn new(metrics: Arc<Metrics>, assigned: watch::Receiver<Assigned>) -> Self {
        let (spool, sinks) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { metrics, assigned, spool, sinks }))
    }

    /// Makes what `settings` need.
    ///
    /// # Errors
    ///
    /// When the spool cannot be started (see [`Spool::start`]), or what encrypts cannot be used.
    pub(crate) fn prepare(&self, settings: &Settings) -> Result<Prepared> {
        let tls = settings.reporting().and_then(|zabbix| zabbix.tls.as_ref());
        let tls = tls.map(TlsClient::new).transpose();
        let tls = tls.map_err(|(_, reason)| anyhow!("TLS to Zabbix: {reason}"))?;
        let names = names(settings.reporting(), settings.file.as_ref());
        let spool = if self.0.spool.read().is_none() && !names.is_empty() {
            let metrics = self.0.metrics.spool().clone();
            Some(Arc::new(Spool::start(&settings.spool, names, metrics)?))
        } else {
            None
        };
        let (zabbix, file) = (settings.reporting().cloned(), settings.file.clone());
        Ok(Prepared { zabbix, tls, file, bounds: settings.spool.clone(), spool })
    }

    /// Delivers as `prepared` says from now on. A sink whose settings have not changed goes on; of
    /// the others each takes over where the one before it has stopped.
    pub(crate) async fn apply(&self, prepared: Prepared) {
        let Prepared { zabbix, tls, file, bounds, spool } = prepared;
        self.0.metrics.zabbix().reporting.set(zabbix.is_some().into());
        let mut sinks = self.0.sinks.lock().await;
        sinks.zabbix.leave_unless(zabbix.as_ref()).await;
        sinks.file.leave_unless(file.as_ref()).await;
        if spool.is_some() {
            *self.0.spool.write() = spool;
        }
        let Some(spool) = self.0.spool.read().clone() else { return };
        let names = names(zabbix.as_ref(), file.as_ref());
        let told = async {
            spool.set_bounds(bounds).await;
            spool.want(&Context::detached(WANT_TIMEOUT), names).await
        };
        if !timeout(WANT_TIMEOUT, told).await.unwrap_or(false) {
            // What is delivered goes on; a sink that is new or has changed begins with a later reload.
            return error!(
                "the spool's disk does not answer: sinks that have changed do not begin"
            );
        }
        if let (Some(settings), None) = (&zabbix, &sinks.zabbix.sink) {
            let (reader, metrics) = (spool.reader(zabbix::NAME), self.0.metrics.zabbix().clone());
            let assigned = self.0.assigned.clone();
            let sink = ZabbixSink::start(settings, tls, assigned, reader, metrics);
            sinks.zabbix = Running { settings: zabbix, sink: Some(Box::new(sink)) };
        }
        if let (Some(settings), None) = (&file, &sinks.file.sink) {
            let sink = FileSink::start(settings, spool.reader(file::NAME));
            sinks.file = Running { settings: file, sink: Some(Box::new(sink)) };
        }
    }

    /// Whether there is a spool. Its place is fixed then.
    pub(crate) fn has_spool(&self) -> bool {
        self.0.spool.read().is_some()
    }

    /// Waits for the end of the spool, which comes before that of the process only by a mistake of
    /// ours.
    pub(crate) async fn broken(&self) {
        loop {
            let spool = self.0.spool.read().clone();
            match spool {
                Some(spool) => return spool.broken().await,
                // One may come with other settings.
                None => tokio::time::sleep(WANT_TIMEOUT).await,
            }
        }
    }
}

impl<S: PartialEq> Running<S> {
    /// Ends the sink unless it is to go on as it is.
    async fn leave_unless(&mut self, settings: Option<&S>) {
        if self.settings.as_ref() != settings
            && let Some(sink) = self.sink.take()
        {
            self.settings = None;
            sink.leave().await;
        }
    }
}

fn names(zabbix: Option<&ZabbixSettings>, file: Option<&FileSettings>) -> Vec<&'static str> {
    let zabbix = zabbix.map(|_| zabbix::NAME);
    zabbix.into_iter().chain(file.map(|_| file::NAME)).collect()
}

#[async_trait]
impl Sink for SpooledSinks {
    fn accept(&mut self, outcome: &Arc<Outcome>) {
        if let Some(spool) = &*self.0.spool.read() {
            spool.append(outcome);
        }
    }

    async fn finish(self: Box<Self>, ctx: &Context) {
        let Some(spool) = self.0.spool.read().clone() else { return };
        spool.flush(ctx).await;
        let is_durable = spool.is_durable();
        let Sinks { zabbix, file } = std::mem::take(&mut *self.0.sinks.lock().await);
        let mut finishing = JoinSet::new();
        for sink in zabbix.sink.into_iter().chain(file.sink) {
            let ctx = ctx.clone();
            finishing.spawn(async move { sink.finish(&ctx, is_durable).await });
        }
        finishing.join_all().await;
        spool.stop(&Context::detached(STOP_TIMEOUT)).await;
    }
}
