use std::sync::Arc;

use parking_lot::Mutex;
use pool_core::Endpoint;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use super::client::Client;
use super::reply::{Answer, Reply};
use super::routes::Routes;
use super::value::ItemValue;
use crate::inventory::zabbix::Assigned;
use crate::metrics::ZabbixMetrics;

/// How often one request is sent on. A group's proxies know of each other's hosts at once.
const HOPS_MAX: usize = 3;
/// How many connections there are at once. Each takes one of the trapper processes, of which a
/// proxy has five by default, and other senders need some too.
const CONNECTIONS_MAX: usize = 2;

/// Sends values and finds out which of them were refused, of which Zabbix says only how many.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    first: Endpoint,
    // A blocking mutex: it is held to look something up, and never across an await.
    routes: Mutex<Routes>,
    metrics: Arc<ZabbixMetrics>,
    connections: Semaphore,
}

/// What became of values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    /// Taken.
    pub(super) taken: Vec<ItemValue>,
    /// Refused.
    pub(super) refused: Vec<ItemValue>,
}

impl Sender {
    pub(super) fn new(
        client: Client,
        first: Endpoint,
        assigned: watch::Receiver<Assigned>,
        metrics: Arc<ZabbixMetrics>,
    ) -> Self {
        let routes = Mutex::new(Routes::new(first.clone(), assigned));
        Self { client, first, routes, metrics, connections: Semaphore::new(CONNECTIONS_MAX) }
    }

    /// The address that is configured.
    pub(super) fn address(&self) -> &Endpoint {
        &self.first
    }

    /// Sends `values`, those of one item in their order. When some are refused, they are sent
    /// again in halves until each of the refused is known: what was taken already is not stored
    /// twice, because its moment is the same.
    ///
    /// # Errors
    ///
    /// When an exchange fails: all of them are to be sent again. What is for other proxies was sent
    /// all the same: one that is away keeps no other's values.
    ///
    /// # Cancel safety
    ///
    /// When dropped, some of them may have been taken. Sending them again is harmless.
    pub(super) async fn deliver(&self, values: &[ItemValue]) -> Result<Sorted, String> {
        let mut sorted = Sorted::default();
        let parts = {
            let mut routes = self.routes.lock();
            routes.refresh();
            routes.split(values)
        };
        let mut failed = None;
        for part in parts {
            if let Err(reason) = self.deliver_part(part, &mut sorted).await {
                failed.get_or_insert(reason);
            }
        }
        failed.map_or(Ok(sorted), Err)
    }

    /// Delivers values that go to the same place.
    async fn deliver_part(&self, part: Vec<ItemValue>, sorted: &mut Sorted) -> Result<(), String> {
        let mut rest = vec![part];
        while let Some(mut part) = rest.pop() {
            let reply = self.exchange(&part).await?;
            let sent = part.len() as u64;
            let is_sound = reply.accounts_for(sent);
            let all_refused = is_sound && reply.processed == 0;
            if is_sound && reply.failed == 0 {
                self.metrics.processed.inc_by(sent);
                sorted.taken.append(&mut part);
            } else if all_refused && (sent == 1 || !self.routes.lock().are_shared()) {
                self.metrics.failed.inc_by(sent);
                sorted.refused.append(&mut part);
            } else if let [value] = &part[..] {
                self.give_up(value, reply);
            } else {
                // The second half waits below the first, so that the order is kept.
                let second = part.split_off(part.len() / 2);
                rest.push(second);
                rest.push(part);
            }
        }
        Ok(())
    }

    /// Zabbix does not even count it: it would not the next time either.
    fn give_up(&self, value: &ItemValue, reply: Reply) {
        let Reply { processed, failed, total } = reply;
        self.metrics.unaccounted.inc();
        warn!(
            host = value.host,
            item = value.key,
            clock = value.clock,
            processed,
            failed,
            total,
            "Zabbix does not account for a value: it is dropped"
        );
    }

    /// One request, wherever it is sent on to.
    async fn exchange(&self, values: &[ItemValue]) -> Result<Reply, String> {
        let _permit = self.connections.acquire().await.map_err(|error| error.to_string())?;
        let host = values.first().map_or("", |value| value.host.as_str());
        let mut address = self.routes.lock().of(host);
        for _ in 0..=HOPS_MAX {
            match self.client.send(&address, values).await {
                Ok(Answer::Account(reply)) => return Ok(reply),
                Ok(Answer::Redirect(next)) => {
                    info!(host, from = %address, to = %next, "another proxy looks after this host");
                    self.routes.lock().learn(host, next.clone());
                    address = next;
                }
                Ok(Answer::Reset) => {
                    self.routes.lock().forget(&address);
                    return Err(format!("proxy {address} has lost its server"));
                }
                Err(reason) => {
                    // A proxy that was learnt may be gone; the first one knows where to go.
                    self.routes.lock().forget(&address);
                    return Err(format!("{address}: {reason}"));
                }
            }
        }
        Err(format!("redirected more than {HOPS_MAX} times, last to {address}"))
    }
}
