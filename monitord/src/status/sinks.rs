use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::line::shown;
use crate::metrics::{SpoolMetrics, ZabbixMetrics};

/// What waits for delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SpoolView {
    /// Whether what waits outlives the process.
    pub(crate) is_durable: bool,
    pub(crate) size_bytes: i64,
    pub(crate) write_failures: u64,
    pub(crate) damaged_files: u64,
    /// Outcomes that were dropped before every sink had them, by the reason.
    pub(crate) lost: BTreeMap<String, u64>,
    pub(crate) sinks: Vec<SinkView>,
}

/// How far a sink is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SinkView {
    pub(crate) sink: String,
    /// In outcomes.
    pub(crate) pending: i64,
    /// Items whose values are kept back because they are refused.
    pub(crate) held: i64,
    pub(crate) oldest_at: Option<String>,
}

/// Delivery to Zabbix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ZabbixView {
    pub(crate) address: String,
    /// Values taken, and refused ones, each time that they were.
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    pub(crate) exchange_failures: u64,
    /// How the latest exchange failed, while they do.
    pub(crate) trouble: Option<String>,
    pub(crate) trouble_since: Option<String>,
}

impl From<&SpoolMetrics> for SpoolView {
    fn from(spool: &SpoolMetrics) -> Self {
        let lost =
            SpoolMetrics::LOST_REASONS.iter().map(|reason| (*reason, spool.lost(reason).get()));
        let lost = lost.filter(|(_, count)| *count > 0);
        let sinks = spool.sinks().into_iter().map(|(sink, facts)| SinkView {
            sink: sink.to_owned(),
            pending: facts.pending,
            held: facts.held,
            oldest_at: Timestamp::from_second(facts.oldest)
                .ok()
                .filter(|_| facts.oldest > 0)
                .map(shown),
        });
        Self {
            is_durable: spool.durable.get() == 1,
            size_bytes: spool.bytes.get(),
            write_failures: spool.write_failures.get(),
            damaged_files: spool.damaged_files.get(),
            lost: lost.map(|(reason, count)| (reason.to_owned(), count)).collect(),
            sinks: sinks.collect(),
        }
    }
}

impl ZabbixView {
    pub(super) fn of(address: String, zabbix: &ZabbixMetrics) -> Self {
        let (since, trouble) = zabbix.trouble().unzip();
        Self {
            address,
            processed: zabbix.processed.get(),
            failed: zabbix.failed.get(),
            exchange_failures: zabbix.exchange_failures.get(),
            trouble,
            trouble_since: since.map(shown),
        }
    }
}
