use std::time::Duration;

use pool::{Fleet, GateState};
use pool_core::{PoolStats, Protocol};
use scheduler::{CheckResult, Failure, RouterName, RouterState, RouterStatus};
use serde::{Deserialize, Serialize};

use super::line::shown;
use crate::board::RouterFacts;
use crate::report::{cause, round_ms};

/// A router, its sessions, and how logging in fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RouterView {
    pub(crate) router: String,
    pub(crate) platform: String,
    /// With its port; nothing for one that only stands for lines that cannot be checked.
    pub(crate) address: String,
    /// Whether sessions can be had; while they cannot, nothing is known of its lines.
    pub(crate) state: String,
    pub(crate) since: Option<String>,
    /// How many lines are checked from it.
    pub(crate) lines: usize,
    /// Whether checks are skipped because it does not keep up with its lines.
    pub(crate) short: bool,
    /// By how much, and what would fit.
    pub(crate) shortage: Option<String>,
    pub(crate) in_use: usize,
    pub(crate) checking: usize,
    pub(crate) idle: usize,
    /// Of those that are idle.
    pub(crate) degraded: usize,
    pub(crate) creating: usize,
    pub(crate) closing: usize,
    pub(crate) waiting: usize,
    pub(crate) max: usize,
    pub(crate) created_total: u64,
    pub(crate) create_failed_total: u64,
    pub(crate) reused_total: u64,
    pub(crate) discarded_total: u64,
    pub(crate) rebuilt_total: u64,
    pub(crate) health_failed_total: u64,
    pub(crate) leaks_suspected_total: u64,
    /// How logging in fails; empty while it does not.
    pub(crate) gates: Vec<GateView>,
}

/// A protocol of a router that logins to fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GateView {
    pub(crate) protocol: String,
    /// For how long checks have been told at once, without a login; null while they are let in.
    pub(crate) shut_for_s: Option<f64>,
    pub(crate) failing_for_s: f64,
    pub(crate) attempts: u32,
    pub(crate) failed_ago_s: f64,
    pub(crate) next_try_s: f64,
    /// Of the last error.
    pub(crate) kind: String,
    pub(crate) phase: Option<String>,
    pub(crate) last_error: String,
}

/// What the routers have together. A limit that is off is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FleetView {
    pub(crate) pools: usize,
    pub(crate) retired: usize,
    pub(crate) sessions: usize,
    pub(crate) sessions_max: Option<usize>,
    pub(crate) sessions_waiting: usize,
    pub(crate) logins_in_flight: usize,
    pub(crate) logins_in_flight_max: Option<usize>,
    pub(crate) logins_per_second_max: Option<u32>,
    pub(crate) logins_waiting: usize,
}

impl RouterView {
    pub(super) fn of(
        name: &RouterName,
        facts: &RouterFacts,
        status: Option<RouterStatus>,
        stats: PoolStats,
        gates: Vec<GateView>,
    ) -> Self {
        Self {
            router: name.to_string(),
            platform: facts.platform.to_string(),
            address: facts.address.clone(),
            state: status.map_or(RouterState::Unknown, |status| status.state).to_string(),
            since: status.map(|status| shown(status.since)),
            lines: facts.lines,
            short: status.is_some_and(|status| status.is_short),
            shortage: status.and_then(|status| status.shortage).map(|short| short.to_string()),
            in_use: stats.in_use,
            checking: stats.checking,
            idle: stats.idle,
            degraded: stats.degraded,
            creating: stats.creating,
            closing: stats.closing,
            waiting: stats.waiting,
            max: facts.sessions_max,
            created_total: stats.created_total,
            create_failed_total: stats.create_failed_total,
            reused_total: stats.reused_total,
            discarded_total: stats.discarded_total,
            rebuilt_total: stats.rebuilt_total,
            health_failed_total: stats.health_failed_total,
            leaks_suspected_total: stats.leak_suspected_total,
            gates,
        }
    }
}

impl GateView {
    pub(super) fn of(protocol: Protocol, state: &GateState) -> Self {
        let seconds = |time: Duration| round_ms(time.as_secs_f64());
        let failure = Failure::from(&state.error);
        Self {
            protocol: protocol.as_str().to_owned(),
            shut_for_s: state.shut_for.map(seconds),
            failing_for_s: seconds(state.failing_for),
            attempts: state.attempts,
            failed_ago_s: seconds(state.failed_ago),
            next_try_s: seconds(state.next_try),
            kind: failure.kind.to_string(),
            phase: failure.phase.map(|phase| phase.to_string()),
            last_error: cause(&CheckResult::Failed(failure)).unwrap_or_default(),
        }
    }
}

impl From<&Fleet> for FleetView {
    fn from(fleet: &Fleet) -> Self {
        let (load, limits) = (fleet.load(), fleet.limits());
        Self {
            pools: load.pools,
            retired: load.retired,
            sessions: load.sessions,
            sessions_max: limits.sessions_max.map(Into::into),
            sessions_waiting: load.sessions_waiting,
            logins_in_flight: load.logins_in_flight,
            logins_in_flight_max: limits.logins_in_flight_max.map(Into::into),
            logins_per_second_max: limits.logins_per_second.map(Into::into),
            logins_waiting: load.logins_waiting,
        }
    }
}
