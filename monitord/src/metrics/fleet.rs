//! The pools' own figures, read when somebody asks for them.

use std::fmt;
use std::sync::Arc;

use pool::{Fleet, RouterGate};
use pool_core::PoolStats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};

use super::encode::{fractions, gauges};
use super::totals::{encode_load, encode_totals};

/// No router has this name: names in Zabbix do not begin with an underscore by accident.
const OTHER: &str = "_other";

/// Reads every pool of a fleet.
#[derive(Debug)]
pub(super) struct FleetCollector {
    fleet: Arc<Fleet>,
    /// How many routers have gauges of their own. The others are one, named `_other`.
    routers_max: usize,
}

impl FleetCollector {
    pub(super) fn new(fleet: Arc<Fleet>, routers_max: usize) -> Self {
        Self { fleet, routers_max }
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

#[derive(Clone, Debug, EncodeLabelSet)]
struct GateLabels {
    router: String,
    protocol: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct GateCauseLabels {
    router: String,
    protocol: &'static str,
    kind: &'static str,
    phase: &'static str,
}

impl Collector for FleetCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        encode_totals(encoder, &self.fleet)?;
        encode_load(encoder, &self.fleet)?;
        encode_routers(encoder, bounded(self.fleet.stats(), self.routers_max))?;
        let gates = self.fleet.gates();
        encode_gates(encoder, &gates[..Ord::min(gates.len(), self.routers_max)])
    }
}

fn encode_routers(
    encoder: &mut DescriptorEncoder<'_>,
    pools: Vec<(String, PoolStats)>,
) -> fmt::Result {
    gauges(
        encoder,
        "monitord_pool_sessions",
        "Sessions of a router, by what they do",
        pools.iter().flat_map(|(router, stats)| sessions(router, stats)),
    )?;
    let per_router = |figure: fn(&PoolStats) -> usize| {
        let label = |router: &String| RouterLabel { router: router.clone() };
        pools.iter().map(move |(router, stats)| (label(router), figure(stats)))
    };
    gauges(
        encoder,
        "monitord_pool_sessions_max",
        "Sessions that a router may have at once",
        per_router(|stats| stats.max_connections),
    )?;
    gauges(
        encoder,
        "monitord_pool_waiting",
        "Checks that wait for a session of a router",
        per_router(|stats| stats.waiting),
    )?;
    gauges(
        encoder,
        "monitord_pool_gates_shut",
        "Protocols of a router that is left alone for a while",
        per_router(|stats| stats.gates_shut),
    )
}

/// Each session is in one state, so that the states of a router add up to its sessions.
fn sessions(router: &str, stats: &PoolStats) -> impl Iterator<Item = (SessionLabels, usize)> {
    let states = [
        ("in_use", stats.in_use),
        ("checking", stats.checking),
        ("idle", stats.idle.saturating_sub(stats.degraded)),
        ("degraded", stats.degraded),
        ("creating", stats.creating),
        ("closing", stats.closing),
    ];
    let labels = |state| SessionLabels { router: router.to_owned(), state };
    states.map(|(state, count)| (labels(state), count)).into_iter()
}

/// Only routers that fail have rows, so that there are few, and an alert needs no threshold.
fn encode_gates(encoder: &mut DescriptorEncoder<'_>, gates: &[RouterGate]) -> fmt::Result {
    let labels = |gate: &RouterGate| GateLabels {
        router: gate.router.to_string(),
        protocol: gate.protocol.as_str(),
    };
    gauges(
        encoder,
        "monitord_router_failed_logins",
        "Logins to a router that failed in a row, by how and where the latest failed",
        gates.iter().map(|gate| {
            let GateLabels { router, protocol } = labels(gate);
            let error = &gate.state.error;
            let (kind, phase) = (error.kind().as_str(), error.phase().map_or("", |p| p.as_str()));
            let attempts = usize::try_from(gate.state.attempts).unwrap_or(usize::MAX);
            (GateCauseLabels { router, protocol, kind, phase }, attempts)
        }),
    )?;
    fractions(
        encoder,
        "monitord_router_failing_seconds",
        "How long ago the first of those logins failed",
        gates.iter().map(|gate| (labels(gate), gate.state.failing_for.as_secs_f64())),
    )?;
    fractions(
        encoder,
        "monitord_router_next_login_seconds",
        "In what time the next login may be tried",
        gates.iter().map(|gate| (labels(gate), gate.state.next_try.as_secs_f64())),
    )
}

/// At most `max` rows, and one more for all the others.
fn bounded(mut pools: Vec<(Arc<str>, PoolStats)>, max: usize) -> Vec<(String, PoolStats)> {
    pools.sort_by(|a, b| a.0.cmp(&b.0));
    let others = pools.split_off(Ord::min(pools.len(), max));
    let mut rows: Vec<_> = pools.into_iter().map(|(name, s)| (name.to_string(), s)).collect();
    if let Some(rest) = others.into_iter().map(|(_, stats)| stats).reduce(PoolStats::merge) {
        rows.push((OTHER.to_owned(), rest));
    }
    rows
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
        for max in [7, 0] {
            let pools = (0..max + 5).map(|i| (format!("r{i:05}").into(), stats())).collect();
            let rows = bounded(pools, max);
            assert_eq!(rows.len(), max + 1);
            assert_eq!(rows[max].0, OTHER);
            assert_eq!(rows[max].1.idle, 5);
        }
    }

    #[test]
    fn each_session_is_in_one_state() {
        let mut stats = PoolStats::default();
        (stats.in_use, stats.idle, stats.degraded, stats.closing) = (1, 3, 1, 2);
        let rows: Vec<_> = sessions("r", &stats).map(|(labels, n)| (labels.state, n)).collect();
        let expected = [
            ("in_use", 1),
            ("checking", 0),
            ("idle", 2),
            ("degraded", 1),
            ("creating", 0),
            ("closing", 2),
        ];
        assert_eq!(rows, expected);
    }
}
