//! The pools' own figures, read when somebody asks for them.

use std::fmt;
use std::sync::Arc;

use driver_ssh::SshSettings;
use pool::Fleet;
use pool_core::PoolStats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// How many routers have gauges of their own. The others are one, named `_other`: a server of
/// metrics takes thousands of series, not hundreds of thousands.
const ROUTERS_MAX: usize = 1000;
/// No router has this name: names in Zabbix do not begin with an underscore by accident.
const OTHER: &str = "_other";

/// Reads every pool of a fleet, and the threads they share.
#[derive(Debug)]
pub(super) struct FleetCollector {
    fleet: Arc<Fleet>,
    ssh: Arc<SshSettings>,
}

impl FleetCollector {
    pub(super) fn new(fleet: Arc<Fleet>, ssh: Arc<SshSettings>) -> Self {
        Self { fleet, ssh }
    }
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct RouterLabel {
    router: String,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct SessionLabels {
    router: String,
    state: &'static str,
}

impl Collector for FleetCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pools = bounded(self.fleet.stats());
        let total = pools.iter().fold(PoolStats::default(), |sum, (_, stats)| sum.merge(*stats));
        for (name, help, count) in totals(&total) {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        gauges(
            &mut encoder,
            "monitord_pool_sessions",
            "Sessions of a router, by what they do",
            pools.iter().flat_map(|(router, stats)| sessions(router, stats)),
        )?;
        let per_router = |figure: fn(&PoolStats) -> usize| {
            let label = |router: &String| RouterLabel { router: router.clone() };
            pools.iter().map(move |(router, stats)| (label(router), figure(stats)))
        };
        gauges(
            &mut encoder,
            "monitord_pool_sessions_max",
            "Sessions that a router may have at once",
            per_router(|stats| stats.max_connections),
        )?;
        gauges(
            &mut encoder,
            "monitord_pool_waiting",
            "Checks that wait for a session of a router",
            per_router(|stats| stats.waiting),
        )?;
        for (name, help, value) in threads(&self.ssh) {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

fn totals(stats: &PoolStats) -> [(&'static str, &'static str, u64); 8] {
    [
        ("connection_get_success", "Gets that ended with a session", stats.get_success_total),
        ("connection_get_timeout", "Gets whose deadline passed", stats.get_timeout_total),
        ("connection_get_canceled", "Gets that were cancelled", stats.get_canceled_total),
        ("connection_get_failed", "Gets that failed otherwise", stats.get_failed_total),
        ("monitord_sessions_created", "Sessions made", stats.created_total),
        ("monitord_sessions_create_failed", "Sessions not made", stats.create_failed_total),
        ("monitord_sessions_reused", "Times a session was lent again", stats.reused_total),
        ("monitord_sessions_discarded", "Sessions not lent again", stats.discarded_total),
    ]
}

fn threads(ssh: &SshSettings) -> [(&'static str, &'static str, usize); 2] {
    [
        (
            "monitord_blocking_threads_in_use",
            "Threads that work on SSH sessions at this moment",
            ssh.blocking_threads_in_use(),
        ),
        (
            "monitord_blocking_threads_max",
            "Threads that may work on SSH sessions at once",
            ssh.blocking_threads_max,
        ),
    ]
}

fn sessions(router: &str, stats: &PoolStats) -> impl Iterator<Item = (SessionLabels, usize)> {
    let states = [
        ("in_use", stats.in_use),
        ("checking", stats.checking),
        ("idle", stats.idle),
        ("creating", stats.creating),
        ("closing", stats.closing),
    ];
    let labels = |state| SessionLabels { router: router.to_owned(), state };
    states.map(|(state, count)| (labels(state), count)).into_iter()
}

/// At most [`ROUTERS_MAX`] rows, and one more for all the others.
fn bounded(mut pools: Vec<(Arc<str>, PoolStats)>) -> Vec<(String, PoolStats)> {
    pools.sort_by(|a, b| a.0.cmp(&b.0));
    let others = pools.split_off(Ord::min(pools.len(), ROUTERS_MAX));
    let mut rows: Vec<_> = pools.into_iter().map(|(name, s)| (name.to_string(), s)).collect();
    if let Some(rest) = others.into_iter().map(|(_, stats)| stats).reduce(PoolStats::merge) {
        rows.push((OTHER.to_owned(), rest));
    }
    rows
}

/// Writes a counter with one value for each set of labels. `_total` is added to its name.
pub(super) fn counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: &[(L, u64)],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in rows {
        ConstCounter::new(*count).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = (L, usize)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in rows {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_beyond_the_bound_are_counted_together() {
        let stats = || {
            let mut stats = PoolStats::default();
            stats.idle = 1;
            stats
        };
        let pools = (0..ROUTERS_MAX + 5).map(|i| (format!("r{i:05}").into(), stats())).collect();
        let rows = bounded(pools);
        assert_eq!(rows.len(), ROUTERS_MAX + 1);
        assert_eq!(rows[ROUTERS_MAX].0, OTHER);
        assert_eq!(rows[ROUTERS_MAX].1.idle, 5);
    }
}
