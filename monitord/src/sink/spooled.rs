use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use parking_lot::RwLock;
use pool_core::Context;
use scheduler::Outcome;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::file::{self, FileSink};
use super::zabbix::{self, ZabbixSink};
use super::{DurableSink, Sink};
use crate::inventory::zabbix::Assigned;
use crate::metrics::{SpoolMetrics, ZabbixMetrics};
use crate::settings::{FileSettings, Settings, ZabbixSettings};
use crate::spool::{Change, Spool, Terms};
use crate::tls::TlsClient;

/// How long the last commit may take, after everyone else has had all the time there was.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// How often somebody who waits for the end of the spool looks whether there is one by now.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The spool, and the sinks that it feeds. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SpooledSinks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    zabbix_metrics: Arc<ZabbixMetrics>,
    spool_metrics: Arc<SpoolMetrics>,
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

/// What other settings need, made without touching what runs. Nothing of it can fail any more.
#[derive(Debug)]
pub(crate) struct Prepared {
    zabbix: Option<ZabbixSettings>,
    tls: Option<TlsClient>,
    file: Option<FileSettings>,
    keeping: Keeping,
}

/// What becomes of the spool.
#[derive(Debug)]
enum Keeping {
    /// There is none, and none is needed.
    None,
    /// There was none.
    New(Arc<Spool>),
    /// It keeps outcomes by other terms, or the same.
    Changed(Change),
}

impl SpooledSinks {
    /// No sink, and no spool. `assigned` tells which proxy looks after which host, where a group of
    /// them does.
    pub(crate) fn new(
        zabbix_metrics: Arc<ZabbixMetrics>,
        spool_metrics: Arc<SpoolMetrics>,
        assigned: watch::Receiver<Assigned>,
    ) -> Self {
        let (spool, sinks) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { zabbix_metrics, spool_metrics, assigned, spool, sinks }))
    }

    /// Makes what `settings` need, within `ctx`. Dropped without having been applied, it leaves
    /// nothing behind.
    ///
    /// # Errors
    ///
    /// When the spool cannot be started (see [`Spool::start_apart`]) or does not answer, or what
    /// encrypts cannot be used.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn prepare(&self, ctx: &Context, settings: &Settings) -> Result<Prepared> {
        let tls = settings.reporting().and_then(|zabbix| zabbix.tls.as_ref());
        let tls = tls.map(TlsClient::new).transpose();
        let tls = tls.map_err(|(_, reason)| anyhow!("TLS to Zabbix: {reason}"))?;
        let (zabbix, file) = (settings.reporting().cloned(), settings.file.clone());
        let names = names(zabbix.as_ref(), file.as_ref());
        let terms = Terms { names, bounds: settings.spool.clone() };
        let spool = self.0.spool.read().clone();
        let keeping = match spool {
            Some(spool) => Keeping::Changed(spool.change(ctx, terms).await?),
            None if terms.names.is_empty() => Keeping::None,
            None => {
                let metrics = self.0.spool_metrics.clone();
                let spool = Spool::start_apart(ctx, &settings.spool, terms.names, metrics);
                Keeping::New(Arc::new(spool.await?))
            }
        };
        Ok(Prepared { zabbix, tls, file, keeping })
    }

    /// Delivers as `prepared` says from now on. A sink whose settings have not changed goes on; of
    /// the others each takes over where the one before it has stopped.
    pub(crate) async fn apply(&self, prepared: Prepared) {
        let Prepared { zabbix, tls, file, keeping } = prepared;
        self.0.zabbix_metrics.reporting.set(zabbix.is_some().into());
        let mut sinks = self.0.sinks.lock().await;
        sinks.zabbix.leave_unless(zabbix.as_ref()).await;
        sinks.file.leave_unless(file.as_ref()).await;
        match keeping {
            Keeping::None => {}
            Keeping::New(spool) => *self.0.spool.write() = Some(spool),
            Keeping::Changed(change) => change.make(),
        }
        let Some(spool) = self.0.spool.read().clone() else { return };
        if let (Some(settings), None) = (&zabbix, &sinks.zabbix.sink) {
            let (reader, metrics) = (spool.reader(zabbix::NAME), self.0.zabbix_metrics.clone());
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
                None => tokio::time::sleep(LOOK_EVERY).await,
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

#[cfg(test)]
mod tests {
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::app::Parts;
    use crate::inventory::zabbix::assigned_channel;
    use crate::settings::{self, Environment};

    /// Without a line nothing is valid.
    const LINE: &str =
        "routers: [{ name: r, host: 192.0.2.1, platform: linux, username: u, password: p }]
lines: [{ id: L1, router: r, target: 198.51.100.1 }]";

    fn settings(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitord.yaml");
        std::fs::write(&path, format!("{LINE}\n{text}")).unwrap();
        settings::load(&path, &Environment::default(), &[], &Parts::builtin().catalog()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn sinks_change_all_at_once_or_not_at_all_while_the_spool_stands_still() {
        let sinks = SpooledSinks::new(Arc::default(), Arc::default(), assigned_channel().1);
        let before = settings("file: { path: one.jsonl }");
        let (spool, work) = Spool::open(&before.spool, vec![file::NAME], Arc::default()).unwrap();
        *sinks.0.spool.write() = Some(Arc::new(spool));
        let ctx = || Context::detached(Duration::from_secs(5));
        // It needs nothing that there is not.
        sinks.apply(sinks.prepare(&ctx(), &before).await.unwrap()).await;
        let after = settings(
            "file: { path: two.jsonl }\nzabbix: { sender: { address: \"192.0.2.9:10051\" } }",
        );
        let refused = sinks.prepare(&ctx(), &after).await;
        let running = sinks.0.sinks.lock().await;
        assert!(running.file.sink.is_some() && running.file.settings == before.file);
        assert!(running.zabbix.sink.is_none());
        drop(running);
        let told = "the spool's disk did not answer within 5s";
        assert_eq!(refused.map(drop).unwrap_err().to_string(), told);

        let _spool = AbortOnDropHandle::new(tokio::spawn(work));
        sinks.apply(sinks.prepare(&ctx(), &after).await.unwrap()).await;
        let running = sinks.0.sinks.lock().await;
        assert!(running.file.sink.is_some() && running.file.settings == after.file);
        assert!(running.zabbix.sink.is_some());
    }
}
