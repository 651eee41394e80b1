//! Reports outcomes to Zabbix as a sender does: to trapper items, in batches, oldest first.
//!
//! While Zabbix is away values wait in memory, and what cannot be delivered is counted and named.

mod client;
mod frame;
mod message;
mod queue;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pool_core::{Context, Endpoint};
use scheduler::Outcome;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{info, warn};

use self::client::Client;
use self::message::{ItemValue, Reply};
use self::queue::Queue;
use super::Sink;
use crate::metrics::ZabbixMetrics;
use crate::settings::{ItemKeys, ZabbixSettings};

/// How many values go in one request. What zabbix_sender uses: it takes a proxy 4 ms, and keeps
/// the damage of a refused request small.
const BATCH_VALUES_MAX: usize = 250;
/// How many values wait while Zabbix is away: an hour of 2000 lines at 60 s, in about 20 MB.
const QUEUE_VALUES_MAX: usize = 120_000;
/// The wait after a first failed exchange. It doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two attempts, so that recovery is noticed within a minute.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The wait between attempts at the end of the process, when there is little time left.
const BACKOFF_CLOSING: Duration = Duration::from_millis(250);
/// A full queue drops values one by one. One warning for so many of them is enough.
const DROPPED_PER_WARNING: u64 = 1000;

/// The sink. Dropping it ends its task and gives up what was not delivered; call
/// [`finish`](Sink::finish) instead.
#[derive(Debug)]
pub(crate) struct ZabbixSink {
    items: ItemKeys,
    queue: Arc<Queue>,
    metrics: Arc<ZabbixMetrics>,
    task: JoinHandle<()>,
}

impl ZabbixSink {
    /// Starts delivering to the address of `settings`.
    pub(crate) fn start(settings: &ZabbixSettings, metrics: Arc<ZabbixMetrics>) -> Self {
        Self::with_capacity(settings, metrics, QUEUE_VALUES_MAX)
    }

    fn with_capacity(
        settings: &ZabbixSettings,
        metrics: Arc<ZabbixMetrics>,
        capacity: usize,
    ) -> Self {
        let queue = Arc::new(Queue::new(capacity));
        let delivery = Delivery {
            client: Client::new(settings.address.clone()),
            address: settings.address.clone(),
            queue: queue.clone(),
            metrics: metrics.clone(),
            failures: 0,
        };
        let task = tokio::spawn(delivery.run());
        Self { items: settings.items.clone(), queue, metrics, task }
    }

    fn count_dropped(&self, value: &ItemValue) {
        let so_far = self.metrics.dropped.inc();
        if so_far.is_multiple_of(DROPPED_PER_WARNING) {
            warn!(
                oldest = value.host,
                dropped_total = so_far + 1,
                "the queue for Zabbix is full: its oldest values are dropped"
            );
        }
    }
}

#[async_trait]
impl Sink for ZabbixSink {
    fn accept(&mut self, outcome: &Arc<Outcome>) {
        let value = ItemValue::of(outcome, &self.items);
        if let Some(dropped) = value.and_then(|value| self.queue.push(value)) {
            self.count_dropped(&dropped);
        }
        self.metrics.set_queued(self.queue.len());
    }

    async fn finish(mut self: Box<Self>, ctx: &Context) {
        self.queue.close();
        let in_time = tokio::time::timeout(ctx.remaining(), &mut self.task).await.is_ok();
        let left = self.queue.len();
        if !in_time || left > 0 {
            self.metrics.undelivered.inc_by(left as u64);
            warn!(values = left, "stopping: not delivered to Zabbix, and lost");
        }
    }
}

impl Drop for ZabbixSink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task that empties the queue.
#[derive(Debug)]
struct Delivery {
    client: Client,
    address: Endpoint,
    queue: Arc<Queue>,
    metrics: Arc<ZabbixMetrics>,
    /// Exchanges that failed since the last that did not.
    failures: u32,
}

impl Delivery {
    async fn run(mut self) {
        while let Some(batch) = self.queue.batch(BATCH_VALUES_MAX).await {
            match self.client.send(&batch).await {
                Ok(reply) => self.settle(&batch, reply),
                Err(reason) => {
                    self.queue.put_back(batch);
                    self.back_off(&reason).await;
                }
            }
            self.metrics.set_queued(self.queue.len());
        }
    }

    /// Zabbix has spoken. What it refused it would refuse again: a count is all it says, so the
    /// values are counted and the batch is named by its first and last line.
    fn settle(&mut self, batch: &[ItemValue], reply: Reply) {
        self.queue.settle();
        if self.failures > 0 {
            info!(address = %self.address, after_failures = self.failures, "Zabbix answers again");
            self.failures = 0;
        }
        let sent = batch.len() as u64;
        let host = |value: Option<&ItemValue>| value.map(|value| value.host.clone());
        let (first, last) = (host(batch.first()), host(batch.last()));
        if !reply.accounts_for(sent) {
            let Reply { processed, failed, total } = reply;
            let known = Ord::min(processed.saturating_add(failed), sent);
            self.metrics.unaccounted.inc_by(sent - known);
            warn!(
                sent,
                processed,
                failed,
                total,
                first,
                last,
                "Zabbix does not account for every value it was sent"
            );
        } else if reply.failed > 0 {
            warn!(
                sent,
                failed = reply.failed,
                first,
                last,
                "Zabbix refused values: no such host or trapper item, disabled, or not allowed \
                 from this address"
            );
        }
        self.metrics.processed.inc_by(Ord::min(reply.processed, sent));
        self.metrics.failed.inc_by(Ord::min(reply.failed, sent));
    }

    /// Waits before the next attempt, and no longer than a moment once the queue is closed.
    async fn back_off(&mut self, reason: &str) {
        self.metrics.exchange_failures.inc();
        let wait = backoff(self.failures);
        self.failures += 1;
        if self.failures == 1 {
            warn!(address = %self.address, reason, "Zabbix cannot be reached: values wait");
        } else {
            tracing::debug!(address = %self.address, reason, ?wait, "Zabbix still cannot be reached");
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = self.queue.closed() => sleep(BACKOFF_CLOSING).await,
        }
    }
}

/// The wait after so many failures in a row before this one.
fn backoff(failures: u32) -> Duration {
    Ord::min(BACKOFF_FIRST.saturating_mul(2u32.saturating_pow(failures)), BACKOFF_MAX)
}
