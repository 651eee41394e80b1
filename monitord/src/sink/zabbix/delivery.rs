use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::quarantine::{Item, Quarantine, item_of};
use super::sender::{Sender, Sorted};
use super::value::{ItemValue, unsupported_of, values_of};
use crate::metrics::ZabbixMetrics;
use crate::settings::ItemKeys;
use crate::spool::{Closed, Held, Lane, Record, SpoolReader};

/// How many values go in one request. What zabbix_sender uses: it takes a proxy 4 ms, and keeps
/// the damage of a refused request small.
pub(super) const BATCH_VALUES_MAX: usize = 250;
/// How long the first value of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// The wait after a first failed exchange. It doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two attempts, so that recovery is noticed within a minute.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The wait between attempts at the end of the process, when there is little time left.
const BACKOFF_CLOSING: Duration = Duration::from_millis(250);
/// How many refused items a message names.
const REFUSED_SHOWN_MAX: usize = 5;

/// What both lanes of delivery share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sender: Sender,
    pub(super) items: ItemKeys,
    /// Whether items without figures are told the reason.
    pub(super) tells_unsupported: bool,
    pub(super) metrics: Arc<ZabbixMetrics>,
    /// Cancelled when the process ends: what is there is delivered, and then the lanes end.
    pub(super) closing: CancellationToken,
    // A blocking mutex: it is held to look something up, and never across an await.
    pub(super) quarantine: Mutex<Quarantine>,
    /// Exchanges that failed since the last that did not, of both lanes.
    pub(super) failures: AtomicU32,
}

/// Why a lane does not go on for now.
enum Stop {
    /// Zabbix cannot be reached: later.
    Unreachable(String),
    /// The spool has ended.
    Closed,
}

impl From<Closed> for Stop {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// One of the two tasks that deliver, with at most one connection each.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) lane: Lane,
    pub(super) reader: SpoolReader,
    pub(super) shared: Arc<Shared>,
}

impl Delivery {
    /// Delivers until the process ends and nothing is left, or the spool ends.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            match self.step().await {
                Ok(true) => failures = 0,
                Ok(false) if self.shared.closing.is_cancelled() => return,
                Ok(false) => {
                    if self.wait().await.is_err() {
                        return;
                    }
                }
                Err(Stop::Closed) => return,
                Err(Stop::Unreachable(reason)) => {
                    self.back_off(failures, &reason).await;
                    failures += 1;
                }
            }
        }
    }

    /// Delivers one batch. False when there was nothing to deliver.
    async fn step(&mut self) -> Result<bool, Stop> {
        if self.lane == Lane::Backlog {
            self.retry_refused().await?;
        }
        let records = self.reader.read(self.lane, BATCH_VALUES_MAX).await?;
        let Some(last) = records.last() else { return Ok(false) };
        self.deliver(&records).await?;
        self.reader.settle(self.lane, last.seq).await?;
        Ok(true)
    }

    async fn deliver(&self, records: &[Record]) -> Result<(), Stop> {
        let mut values = Vec::new();
        for record in records {
            for value in values_of(record, &self.shared.items) {
                let (keeps_back, held) = self.shared.quarantine.lock().keeps_back(&value);
                if let Some(held) = held {
                    self.reader.hold(held).await?;
                }
                if !keeps_back {
                    values.push(value);
                }
            }
            values.extend(self.unsupported(record));
        }
        for batch in values.chunks(BATCH_VALUES_MAX) {
            let sorted = self.send(batch).await?;
            self.hold(&sorted.refused).await?;
        }
        Ok(())
    }

    /// What makes the item of a record without figures "not supported". That is a state and no
    /// value: it has no moment in the history, so what is said of the past would be taken for now.
    /// It is only said of what is fresh, and never kept for later.
    fn unsupported(&self, record: &Record) -> Option<ItemValue> {
        if !self.shared.tells_unsupported || self.lane != Lane::Fresh {
            return None;
        }
        let told = unsupported_of(record, &self.shared.items)?;
        let is_held = self.shared.quarantine.lock().holds(&item_of(&told));
        (!is_held).then_some(told)
    }

    async fn send(&self, values: &[ItemValue]) -> Result<Sorted, Stop> {
        let sorted = self.shared.sender.deliver(values).await.map_err(Stop::Unreachable)?;
        self.shared.metrics.answered();
        let failures = self.shared.failures.swap(0, Ordering::Relaxed);
        if failures > 0 {
            let address = self.shared.sender.address();
            info!(%address, after_failures = failures, "Zabbix answers again");
        }
        self.shared.quarantine.lock().taken(sorted.taken.iter());
        Ok(sorted)
    }

    /// Keeps refused values for later, and says so once for each item.
    async fn hold(&self, refused: &[ItemValue]) -> Result<(), Closed> {
        let now = Instant::now();
        let news: Vec<Held> = {
            let mut quarantine = self.shared.quarantine.lock();
            let values = refused.iter().filter(|value| !value.is_unsupported);
            values.filter_map(|value| quarantine.refuse(value, now)).collect()
        };
        let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for held in news {
            let shown = format!("{}:{}", held.line, held.item);
            by_reason.entry(held.reason.clone()).or_default().push(shown);
            self.reader.hold(held).await?;
        }
        for (likely, items) in by_reason {
            let first = items.iter().take(REFUSED_SHOWN_MAX).cloned().collect::<Vec<_>>();
            let (count, first) = (items.len(), first.join(" "));
            warn!(items = count, first, likely, "Zabbix refuses items: their values wait");
        }
        Ok(())
    }

    /// Tries the refused items that are due again: first one value of each, all in one request,
    /// and then everything that is held of those that are taken now.
    async fn retry_refused(&self) -> Result<(), Stop> {
        let due = self.shared.quarantine.lock().due(Instant::now(), BATCH_VALUES_MAX);
        let mut probes = Vec::new();
        for (item, from) in due {
            match self.held_values(&item, from).await?.0.into_iter().next() {
                Some(value) => probes.push(value),
                // It has become too old meanwhile.
                None => self.release(&item).await?,
            }
        }
        if probes.is_empty() {
            return Ok(());
        }
        let sorted = match self.send(&probes).await {
            Ok(sorted) => sorted,
            Err(stop) => {
                let mut quarantine = self.shared.quarantine.lock();
                for value in &probes {
                    quarantine.postpone(&item_of(value), value.seq, Instant::now());
                }
                return Err(stop);
            }
        };
        self.hold(&sorted.refused).await?;
        for value in &sorted.taken {
            self.drain(value).await?;
        }
        Ok(())
    }

    /// Delivers everything that is held of an item, from `first` on, which was taken already.
    async fn drain(&self, first: &ItemValue) -> Result<(), Stop> {
        let item = item_of(first);
        self.shared.quarantine.lock().drain(&item);
        let mut from = first.seq;
        loop {
            let (values, end) = self.held_values(&item, from).await?;
            for batch in values.chunks(BATCH_VALUES_MAX) {
                match self.send(batch).await {
                    Ok(sorted) if sorted.refused.is_empty() => {}
                    Ok(sorted) => return Ok(self.hold(&sorted.refused).await?),
                    Err(stop) => {
                        self.shared.quarantine.lock().postpone(&item, from, Instant::now());
                        return Err(stop);
                    }
                }
            }
            let Some(end) = end else { break };
            from = end;
        }
        info!(host = item.0, item = item.1, "Zabbix takes an item again: what waited is delivered");
        Ok(self.release(&item).await?)
    }

    /// Values that are held of `item` from `from` on, and where to go on, if there may be more.
    async fn held_values(
        &self,
        item: &Item,
        from: u64,
    ) -> Result<(Vec<ItemValue>, Option<u64>), Closed> {
        let records = self.reader.read_line(&item.0, from, BATCH_VALUES_MAX).await?;
        let full = records.len() == BATCH_VALUES_MAX;
        let end = records.last().filter(|_| full).map(|record| record.seq + 1);
        let values = records.iter().flat_map(|record| values_of(record, &self.shared.items));
        Ok((values.filter(|value| value.key == item.1).collect(), end))
    }

    async fn release(&self, item: &Item) -> Result<(), Closed> {
        self.shared.quarantine.lock().release(item);
        self.reader.release(&item.0, &item.1).await
    }

    /// Waits until there may be something to deliver.
    async fn wait(&mut self) -> Result<(), Closed> {
        let closing = self.shared.closing.clone();
        let retry = self.shared.quarantine.lock().next_due();
        let retry = retry.filter(|_| self.lane == Lane::Backlog);
        let retry = async {
            match retry {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.reader.changed() => changed?,
            () = retry => return Ok(()),
            () = closing.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = sleep(LINGER) => {}
            () = closing.cancelled() => {}
        }
        Ok(())
    }

    /// Waits before the next attempt, and no longer than a moment once the process ends.
    async fn back_off(&self, failures: u32, reason: &str) {
        self.shared.metrics.failed_for(reason);
        let wait = backoff(failures);
        let address = self.shared.sender.address();
        if self.shared.failures.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(%address, reason, "Zabbix cannot be reached: values wait");
        } else {
            debug!(%address, reason, ?wait, "Zabbix still cannot be reached");
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = self.shared.closing.cancelled() => sleep(BACKOFF_CLOSING).await,
        }
    }
}

/// The wait after so many failures in a row before this one.
pub(super) fn backoff(failures: u32) -> Duration {
    Ord::min(BACKOFF_FIRST.saturating_mul(2u32.saturating_pow(failures)), BACKOFF_MAX)
}
