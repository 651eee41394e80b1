//! What can be measured about the daemon itself, in Prometheus' text format.

mod encode;
mod fleet;
mod interfaces;
mod lines;
mod process;
mod spool;
mod ssh;
mod text;
mod totals;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use driver_ssh::SshSettings;
use jiff::Timestamp;
use parking_lot::Mutex;
use pool::Fleet;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use scheduler::{CheckResult, Outcome};
use tokio::time::Instant;

use crate::board::Board;
use crate::reload::Reloads;
use crate::settings::MetricsSettings;

pub(crate) use spool::SpoolMetrics;

/// Bucket bounds in seconds: from an idle session at hand to the longest timeouts.
const WAIT_SECONDS: [f64; 12] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Bucket bounds in seconds: five packets that are answered at once, to a hundred that are not.
const CHECK_SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];

/// Every metric. Cheap to update, from anywhere.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    connection_get: Histogram,
    connect: Histogram,
    lateness: Histogram,
    task_execution: Histogram,
    checks: Family<CheckLabels, Counter>,
    zabbix: Arc<ZabbixMetrics>,
    stdout: Arc<StdoutMetrics>,
    spool: Arc<SpoolMetrics>,
}

/// Counts of the Zabbix sink, in values unless they say otherwise.
#[derive(Debug, Default)]
pub(crate) struct ZabbixMetrics {
    /// Taken by Zabbix.
    pub(crate) processed: Counter,
    /// Refused by Zabbix, and kept to be tried again. A value counts each time.
    pub(crate) failed: Counter,
    /// Sent alone, and neither taken nor refused as far as the answer says.
    pub(crate) unaccounted: Counter,
    /// Not delivered when the process ended, and not kept on a disk either. In outcomes.
    pub(crate) undelivered: Counter,
    /// Exchanges without an answer that could be read.
    pub(crate) exchange_failures: Counter,
    /// Whether outcomes are reported there: 1 or 0.
    pub(crate) reporting: Gauge,
    /// When the first heartbeat was sent.
    pub(crate) beating_since: OnceLock<Instant>,
    /// Since when exchanges fail, and how the latest did.
    trouble: Mutex<Option<(Timestamp, String)>>,
}

impl ZabbixMetrics {
    /// Notes that an exchange failed.
    pub(crate) fn failed_for(&self, reason: &str) {
        self.exchange_failures.inc();
        let mut trouble = self.trouble.lock();
        let since = trouble.as_ref().map_or_else(Timestamp::now, |(since, _)| *since);
        *trouble = Some((since, reason.to_owned()));
    }

    /// Notes that one did not.
    pub(crate) fn answered(&self) {
        *self.trouble.lock() = None;
    }

    /// Since when exchanges fail, and how the latest did, if they do.
    pub(crate) fn trouble(&self) -> Option<(Timestamp, String)> {
        self.trouble.lock().clone()
    }
}

/// Counts of the standard output sink.
#[derive(Debug, Default)]
pub(crate) struct StdoutMetrics {
    /// Outcomes dropped because nobody read.
    pub(crate) dropped: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    result: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

impl Metrics {
    /// All metrics at zero; `settings` say whom they name. Those of `fleet`, `ssh`, `board` and
    /// `reloads` are read when they are asked for.
    pub(crate) fn new(
        fleet: Arc<Fleet>,
        ssh: Arc<SshSettings>,
        board: Arc<Board>,
        settings: MetricsSettings,
        reloads: Arc<Reloads>,
    ) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            connection_get: Histogram::new(WAIT_SECONDS),
            connect: Histogram::new(WAIT_SECONDS),
            lateness: Histogram::new(WAIT_SECONDS),
            task_execution: Histogram::new(CHECK_SECONDS),
            checks: Family::default(),
            zabbix: Arc::default(),
            stdout: Arc::default(),
            spool: Arc::default(),
        };
        metrics.register_checks();
        metrics.register_sinks();
        metrics.spool.register(&mut metrics.registry);
        metrics
            .registry
            .register_collector(Box::new(fleet::FleetCollector::new(fleet, settings.routers_max)));
        metrics.registry.register_collector(Box::new(ssh::SshCollector(ssh)));
        metrics
            .registry
            .register_collector(Box::new(lines::LineCollector::new(board, settings.lines_max)));
        metrics.registry.register_collector(Box::new(process::ProcessCollector(reloads)));
        metrics
    }

    fn register_checks(&mut self) {
        let registry = &mut self.registry;
        let mut histogram = |name: &str, help: &str, histogram: &Histogram| {
            registry.register(name, help, histogram.clone());
        };
        histogram(
            "connection_get_duration_seconds",
            "How long checks waited for a session, the making of one included",
            &self.connection_get,
        );
        histogram(
            "monitord_connect_duration_seconds",
            "How long the making of a session took that a check waited for",
            &self.connect,
        );
        histogram(
            "monitord_check_lateness_seconds",
            "From the due time of a check to its beginning",
            &self.lateness,
        );
        histogram(
            "task_execution_duration_seconds",
            "From the beginning of a check to its end",
            &self.task_execution,
        );
        registry.register(
            "monitord_checks",
            "Scheduled checks, by how they ended",
            self.checks.clone(),
        );
        let build = Family::<VersionLabel, Gauge>::default();
        build.get_or_create(&VersionLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("monitord_build_info", "The version that runs", build);
    }

    fn register_sinks(&mut self) {
        let values = ValueCounters(self.zabbix.clone());
        let registry = &mut self.registry;
        registry.register_collector(Box::new(values));
        registry.register(
            "monitord_zabbix_exchange_failures",
            "Exchanges with Zabbix without an answer that could be read",
            self.zabbix.exchange_failures.clone(),
        );
        registry.register(
            "monitord_zabbix_reporting",
            "Whether outcomes are reported to Zabbix",
            self.zabbix.reporting.clone(),
        );
        registry.register(
            "monitord_stdout_dropped",
            "Outcomes that were not written to standard output because nobody read it",
            self.stdout.dropped.clone(),
        );
    }

    /// Counts and times an outcome.
    pub(crate) fn observe(&self, outcome: &Outcome) {
        let (result, reason) = match &outcome.result {
            CheckResult::Measured(_) => ("measured", ""),
            CheckResult::Failed(failure) => ("failed", failure.kind.as_str()),
            CheckResult::Skipped(reason) => ("skipped", reason.as_str()),
        };
        self.checks.get_or_create(&CheckLabels { result, reason }).inc();
        let Some(started_at) = outcome.started_at else { return };
        let lateness = Duration::try_from(started_at.duration_since(outcome.scheduled_at));
        self.lateness.observe(lateness.unwrap_or_default().as_secs_f64());
        self.task_execution.observe(outcome.duration.as_secs_f64());
        self.connection_get.observe(outcome.wait.as_secs_f64());
        if let Some(connect) = outcome.connect {
            self.connect.observe(connect.as_secs_f64());
        }
    }

    /// The counts of the Zabbix sink.
    pub(crate) fn zabbix(&self) -> &Arc<ZabbixMetrics> {
        &self.zabbix
    }

    /// The counts of the standard output sink.
    pub(crate) fn stdout(&self) -> &Arc<StdoutMetrics> {
        &self.stdout
    }

    /// The counts of the spool.
    pub(crate) fn spool(&self) -> &Arc<SpoolMetrics> {
        &self.spool
    }

    /// Everything, in Prometheus' text format 0.0.4.
    ///
    /// # Errors
    ///
    /// When a metric cannot be written; none of ours can fail.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut open_metrics = String::new();
        encode(&mut open_metrics, &self.registry)?;
        Ok(text::prometheus(&open_metrics))
    }
}

/// The values that went to Zabbix or did not, as one family.
#[derive(Debug)]
struct ValueCounters(Arc<ZabbixMetrics>);

impl prometheus_client::collector::Collector for ValueCounters {
    fn encode(
        &self,
        mut encoder: prometheus_client::encoding::DescriptorEncoder<'_>,
    ) -> fmt::Result {
        let Self(counts) = self;
        let rows = [
            ("processed", &counts.processed),
            ("failed", &counts.failed),
            ("unaccounted", &counts.unaccounted),
            ("undelivered", &counts.undelivered),
        ];
        let rows = rows.map(|(result, count)| (ResultLabel { result }, count.get()));
        encode::counters(
            &mut encoder,
            "monitord_zabbix_values",
            "Values for Zabbix, by what became of them",
            rows,
        )
    }
}
