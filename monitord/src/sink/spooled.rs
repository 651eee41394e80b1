use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use pool_core::Context;
use scheduler::Outcome;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::file::{self, FileSink};
use super::zabbix::{self, ZabbixSink};
use super::{DurableSink, Sink};
use crate::inventory::zabbix::Assigned;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::spool::Spool;
use crate::tls::TlsClient;

/// How long the last commit may take, after everyone else has had all the time there was.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The spool, and the sinks that it feeds.
#[derive(Debug)]
pub(crate) struct SpooledSinks {
    spool: Spool,
    sinks: Vec<Box<dyn DurableSink>>,
}

impl SpooledSinks {
    /// Starts the sinks that are configured, if there are any. `assigned` tells which proxy looks
    /// after which host, where a group of them does.
    ///
    /// # Errors
    ///
    /// When the spool cannot be started (see [`Spool::start`]), or what encrypts cannot be used.
    pub(crate) fn start(
        settings: &Settings,
        metrics: &Metrics,
        assigned: watch::Receiver<Assigned>,
    ) -> Result<Option<Self>> {
        metrics.zabbix().reporting.set(settings.reporting().is_some().into());
        let mut names = Vec::new();
        names.extend(settings.reporting().map(|_| zabbix::NAME));
        names.extend(settings.file.iter().map(|_| file::NAME));
        if names.is_empty() {
            return Ok(None);
        }
        let spool = Spool::start(&settings.spool, names, metrics.spool().clone())?;
        let mut sinks: Vec<Box<dyn DurableSink>> = Vec::new();
        if let Some(settings) = settings.reporting() {
            let tls = settings.tls.as_ref().map(TlsClient::new).transpose();
            let tls = tls.map_err(|(_, reason)| anyhow!("TLS to Zabbix: {reason}"))?;
            let reader = spool.reader(zabbix::NAME);
            let sink = ZabbixSink::start(settings, tls, assigned, reader, metrics.zabbix().clone());
            sinks.push(Box::new(sink));
        }
        if let Some(settings) = &settings.file {
            sinks.push(Box::new(FileSink::start(settings, spool.reader(file::NAME))));
        }
        Ok(Some(Self { spool, sinks }))
    }
}

#[async_trait]
impl Sink for SpooledSinks {
    fn accept(&mut self, outcome: &Arc<Outcome>) {
        self.spool.append(outcome);
    }

    async fn finish(self: Box<Self>, ctx: &Context) {
        let Self { spool, sinks } = *self;
        spool.flush(ctx).await;
        let is_durable = spool.is_durable();
        let mut finishing = JoinSet::new();
        for sink in sinks {
            let ctx = ctx.clone();
            finishing.spawn(async move { sink.finish(&ctx, is_durable).await });
        }
        finishing.join_all().await;
        spool.stop(&Context::detached(STOP_TIMEOUT)).await;
    }
}
