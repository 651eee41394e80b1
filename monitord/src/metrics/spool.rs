//! The spool: how much waits, for whom, since when, and what was lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counts of the spool, in outcomes unless they say otherwise.
#[derive(Debug, Default)]
pub(crate) struct SpoolMetrics {
    /// Made durable.
    pub(crate) written: Counter,
    /// Attempts to read or write that the disk refused.
    pub(crate) write_failures: Counter,
    /// Files that were set aside.
    pub(crate) damaged_files: Counter,
    /// 1 when what waits outlives the process.
    pub(crate) durable: Gauge,
    /// Room taken by what waits, in bytes.
    pub(crate) bytes: Gauge,
    lost: Family<ReasonLabel, Counter>,
    pending: Family<SinkLabel, Gauge>,
    held: Family<SinkLabel, Gauge>,
    oldest: Family<SinkLabel, Gauge>,
    /// The same of each sink once more, to be read by its name.
    sinks: Mutex<BTreeMap<&'static str, SinkFacts>>,
}

/// How far a sink is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SinkFacts {
    /// What waits for it, in outcomes.
    pub(crate) pending: i64,
    /// How many items are held.
    pub(crate) held: i64,
    /// The moment of the oldest outcome that waits, in seconds since 1970, or 0.
    pub(crate) oldest: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabel {
    sink: &'static str,
}

impl SpoolMetrics {
    /// Why outcomes can be lost.
    pub(crate) const LOST_REASONS: [&'static str; 5] = ["age", "size", "disk", "busy", "damaged"];

    /// Those that were lost for `reason`: `age`, `size`, `disk`, `busy` or `damaged`.
    pub(crate) fn lost(&self, reason: &'static str) -> Counter {
        self.lost.get_or_create(&ReasonLabel { reason }).clone()
    }

    /// How far a sink is: what waits for it, how many items are held, and the moment of the oldest
    /// outcome that waits, in seconds since 1970, or 0.
    pub(crate) fn set_sink(&self, sink: &'static str, pending: i64, held: i64, oldest: i64) {
        let label = SinkLabel { sink };
        self.pending.get_or_create(&label).set(pending);
        self.held.get_or_create(&label).set(held);
        self.oldest.get_or_create(&label).set(oldest);
        self.sinks.lock().insert(sink, SinkFacts { pending, held, oldest });
    }

    /// How far each sink is.
    pub(crate) fn sinks(&self) -> BTreeMap<&'static str, SinkFacts> {
        self.sinks.lock().clone()
    }

    /// A sink is gone, and nothing is to be told of it.
    pub(crate) fn forget_sink(&self, sink: &'static str) {
        for family in [&self.pending, &self.held, &self.oldest] {
            family.remove(&SinkLabel { sink });
        }
    }

    /// Adds the spool's metrics to `registry`.
    pub(super) fn register(self: &Arc<Self>, registry: &mut Registry) {
        for reason in Self::LOST_REASONS {
            self.lost(reason);
        }
        registry.register(
            "monitord_spool_written",
            "Outcomes that were made durable before any sink saw them",
            self.written.clone(),
        );
        registry.register(
            "monitord_spool_lost",
            "Outcomes that were dropped before every sink had them, by the reason",
            self.lost.clone(),
        );
        registry.register(
            "monitord_spool_failures",
            "Attempts to read or write the spool that the disk refused",
            self.write_failures.clone(),
        );
        registry.register(
            "monitord_spool_damaged_files",
            "Files of the spool that were damaged and set aside",
            self.damaged_files.clone(),
        );
        registry.register(
            "monitord_spool_durable",
            "1 when what waits outlives the process, 0 when it waits in memory only",
            self.durable.clone(),
        );
        registry.register(
            "monitord_spool_size_bytes",
            "Room taken by what waits",
            self.bytes.clone(),
        );
        registry.register(
            "monitord_spool_pending_outcomes",
            "Outcomes that a sink has not settled",
            self.pending.clone(),
        );
        registry.register(
            "monitord_spool_held_items",
            "Items whose values are kept back because the sink's target refuses them",
            self.held.clone(),
        );
        registry.register(
            "monitord_spool_oldest_pending_timestamp_seconds",
            "Moment of the oldest outcome that a sink has not settled, in seconds since 1970; 0 \
             when there is none",
            self.oldest.clone(),
        );
    }
}
