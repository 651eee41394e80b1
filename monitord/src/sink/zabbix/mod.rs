//! Reports outcomes to Zabbix as a sender does: to trapper items, in batches.
//!
//! Outcomes come from the spool and stay there until Zabbix has taken their values. In normal
//! times they leave in order through one connection at a time. When a backlog has piled up, it
//! leaves oldest first through one connection, while what is fresh leaves through another.
//!
//! *Order*: within a lane the values of one item are sent in the order of their moments. While a
//! backlog is caught up with, a fresh value may come before older ones of its item. Zabbix files
//! each under its own moment, so history, graphs and `last()` are right whatever comes first.
//!
//! *Exactly once*: the moment of a value is that of the check and never changes, and Zabbix keeps
//! one value for each item and moment. So whatever is in doubt is sent again.

mod client;
mod delivery;
mod frame;
mod heartbeat;
mod message;
mod quarantine;
mod reply;
mod routes;
mod sender;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use async_trait::async_trait;
use parking_lot::Mutex;
use pool_core::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::client::Client;
use self::delivery::{Delivery, Shared};
use self::quarantine::Quarantine;
use self::reply::Answer;
use self::sender::Sender;
use super::DurableSink;
use crate::inventory::zabbix::Assigned;
use crate::metrics::ZabbixMetrics;
use crate::settings::ZabbixSettings;
use crate::spool::{Lane, SpoolReader};
use crate::supervised::supervised;
use crate::tls::TlsClient;

/// The name of the sink in the spool.
pub(crate) const NAME: &str = "zabbix";

/// Sends no value to the address of `settings`, as values are sent, and says what came back.
///
/// # Errors
///
/// Why it cannot be told that Zabbix would take values, in one line.
///
/// # Cancel safety
///
/// Cancel safe: nothing is sent that could be taken.
pub(crate) async fn greet(settings: &ZabbixSettings) -> Result<String, String> {
    let tls = settings.tls.as_ref().map(TlsClient::new).transpose();
    let tls = tls.map_err(|(_, reason)| format!("TLS: {reason}"))?;
    let encrypted = if tls.is_some() { ", encrypted" } else { "" };
    match Client::new(tls).send(&settings.address, &[]).await? {
        Answer::Account(_) => Ok(format!("answers{encrypted}")),
        Answer::Redirect(there) => Ok(format!("answers{encrypted}, and sends us to {there}")),
        Answer::Reset => Err("this proxy of a group has lost its server".to_owned()),
    }
}

/// The sink. Dropping it ends its tasks; call [`finish`](DurableSink::finish) instead.
#[derive(Debug)]
pub(crate) struct ZabbixSink {
    reader: SpoolReader,
    closing: CancellationToken,
    metrics: Arc<ZabbixMetrics>,
    tasks: JoinSet<()>,
}

impl ZabbixSink {
    /// Starts delivering what `reader` brings to the address of `settings`, through `tls` when it
    /// is to be encrypted, and to the proxies of a group that `assigned` names.
    pub(crate) fn start(
        settings: &ZabbixSettings,
        tls: Option<TlsClient>,
        assigned: watch::Receiver<Assigned>,
        reader: SpoolReader,
        metrics: Arc<ZabbixMetrics>,
    ) -> Self {
        let closing = CancellationToken::new();
        let client = Client::new(tls);
        let sender = Sender::new(client, settings.address.clone(), assigned, metrics.clone());
        let shared = Arc::new(Shared {
            sender,
            items: settings.items.clone(),
            tells_unsupported: settings.not_supported,
            metrics: metrics.clone(),
            closing: closing.clone(),
            quarantine: Mutex::new(Quarantine::default()),
            failures: AtomicU32::new(0),
        });
        let mut tasks = JoinSet::new();
        let spool = reader.clone();
        if let Some(heartbeat) = settings.heartbeat.clone() {
            let shared = shared.clone();
            let beat = move || heartbeat::beat(heartbeat.clone(), shared.clone());
            tasks.spawn(supervised("zabbix heartbeat", beat));
        }
        tasks.spawn(supervised(NAME, move || deliver(spool.clone(), shared.clone())));
        Self { reader, closing, metrics, tasks }
    }
}

/// Delivers through both lanes until the process ends.
async fn deliver(spool: SpoolReader, shared: Arc<Shared>) {
    // What was refused before is known to be, before anything is sent.
    let Ok(held) = spool.held().await else { return };
    shared.quarantine.lock().restore(held, Instant::now());
    let lane = |lane| {
        let (reader, shared) = (spool.clone(), shared.clone());
        Delivery { lane, reader, shared }.run()
    };
    tokio::join!(lane(Lane::Fresh), lane(Lane::Backlog));
}

#[async_trait]
impl DurableSink for ZabbixSink {
    async fn finish(mut self: Box<Self>, ctx: &Context, is_durable: bool) {
        self.closing.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let in_time = timeout(ctx.remaining(), ended).await.is_ok();
        self.tasks.shutdown().await;
        let outcomes = self.reader.pending().await.unwrap_or(0);
        if in_time && outcomes == 0 {
            return;
        }
        if is_durable {
            info!(outcomes, "stopping: not delivered to Zabbix yet, and kept for the next start");
        } else {
            self.metrics.undelivered.inc_by(outcomes);
            warn!(outcomes, "stopping: not delivered to Zabbix, and lost");
        }
    }

    async fn leave(mut self: Box<Self>) {
        // What is cut off is sent again by whoever takes over, and is there once: its moment is the
        // same.
        self.tasks.shutdown().await;
    }
}
