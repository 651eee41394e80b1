use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pool::{Fleet, GateState, RouterGate};
use pool_core::{Platform, PoolStats, Protocol};
use scheduler::{CheckResult, Failure, Inventory, Line, LineId, Outcome, RouterName};
use serde::Serialize;

use crate::board::{Board, LineState};
use crate::report::{cause, round_ms};

/// `/status`: every line with its last outcome, every router with its sessions and how logging in
/// fails, and what the routers share. No secrets.
#[derive(Debug)]
pub(super) struct StatusPage {
    lines: Vec<Line>,
    routers: BTreeMap<RouterName, RouterFacts>,
    board: Arc<Board>,
    fleet: Arc<Fleet>,
}

/// What the inventory says of a router that the page shows. Its credentials stay behind.
#[derive(Debug)]
struct RouterFacts {
    platform: Platform,
    sessions_max: usize,
}

#[derive(Debug, Serialize)]
struct StatusView<'a> {
    lines: Vec<LineView<'a>>,
    routers: Vec<RouterView<'a>>,
    fleet: FleetView,
}

#[derive(Debug, Serialize)]
struct LineView<'a> {
    line: &'a str,
    router: &'a str,
    target: &'a str,
    platform: &'a str,
    state: &'static str,
    loss_pct: Option<f64>,
    rtt_avg_ms: Option<f64>,
    last_error: Option<String>,
    last_outcome_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct RouterView<'a> {
    router: &'a str,
    platform: &'a str,
    in_use: usize,
    checking: usize,
    idle: usize,
    /// Of those that are idle.
    degraded: usize,
    creating: usize,
    closing: usize,
    waiting: usize,
    max: usize,
    created_total: u64,
    create_failed_total: u64,
    reused_total: u64,
    discarded_total: u64,
    rebuilt_total: u64,
    health_failed_total: u64,
    leaks_suspected_total: u64,
    /// How logging in fails; empty while it does not.
    gates: Vec<GateView>,
}

/// A protocol of a router that logins to fail.
#[derive(Debug, Serialize)]
struct GateView {
    protocol: &'static str,
    /// For how long checks have been told at once, without a login; null while they are let in.
    shut_for_s: Option<f64>,
    failing_for_s: f64,
    attempts: u32,
    failed_ago_s: f64,
    next_try_s: f64,
    last_error: String,
}

/// What the routers have together. A limit that is off is null.
#[derive(Debug, Serialize)]
struct FleetView {
    pools: usize,
    retired: usize,
    sessions: usize,
    sessions_max: Option<usize>,
    sessions_waiting: usize,
    logins_in_flight: usize,
    logins_in_flight_max: Option<usize>,
    logins_per_second_max: Option<u32>,
    logins_waiting: usize,
}

impl StatusPage {
    pub(super) fn new(inventory: &Inventory, board: Arc<Board>, fleet: Arc<Fleet>) -> Self {
        let facts = inventory.routers.iter().map(|router| {
            let platform = router.connection.platform.clone();
            let sessions_max = router.connection.max_connections;
            (router.name.clone(), RouterFacts { platform, sessions_max })
        });
        Self { lines: inventory.lines.clone(), routers: facts.collect(), board, fleet }
    }

    /// The page of this moment.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let last: BTreeMap<LineId, _> = self.board.snapshot().into_iter().collect();
        let lines = self.lines.iter().map(|line| {
            let outcome = last.get(&line.id).and_then(Option::as_deref);
            self.line_view(line, outcome)
        });
        let lines = lines.collect();
        let stats: BTreeMap<Arc<str>, PoolStats> = self.fleet.stats().into_iter().collect();
        let mut gates: BTreeMap<Arc<str>, Vec<GateView>> = BTreeMap::new();
        for RouterGate { router, protocol, state, .. } in self.fleet.gates() {
            gates.entry(router).or_default().push(gate_view(protocol, &state));
        }
        let routers = self.routers.iter().map(|(name, facts)| {
            // A router that was not asked for yet has no pool.
            let stats = stats.get(name.as_str()).copied().unwrap_or_default();
            router_view(name, facts, stats, gates.remove(name.as_str()).unwrap_or_default())
        });
        let routers = routers.collect();
        serde_json::to_string(&StatusView { lines, routers, fleet: fleet_view(&self.fleet) })
    }

    fn line_view<'a>(&'a self, line: &'a Line, last: Option<&Outcome>) -> LineView<'a> {
        let measured = match last.map(|outcome| &outcome.result) {
            Some(CheckResult::Measured(measurement)) => Some(measurement),
            _ => None,
        };
        let ended_at = |outcome: &Outcome| {
            let began = outcome.started_at.unwrap_or(outcome.scheduled_at);
            format!("{:.3}", began.saturating_add(outcome.duration).unwrap_or(began))
        };
        LineView {
            line: line.id.as_str(),
            router: line.router.as_str(),
            target: line.target.as_str(),
            platform: self.routers.get(&line.router).map_or("", |facts| facts.platform.as_str()),
            state: LineState::of(last).as_str(),
            loss_pct: measured.map(|measurement| round_ms(measurement.loss_pct())),
            rtt_avg_ms: measured.and_then(|m| m.rtt).map(|rtt| round_ms(rtt.avg)),
            last_error: last.and_then(|outcome| cause(&outcome.result)),
            last_outcome_at: last.map(ended_at),
        }
    }
}

fn router_view<'a>(
    name: &'a RouterName,
    facts: &'a RouterFacts,
    stats: PoolStats,
    gates: Vec<GateView>,
) -> RouterView<'a> {
    RouterView {
        router: name.as_str(),
        platform: facts.platform.as_str(),
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

fn gate_view(protocol: Protocol, state: &GateState) -> GateView {
    let seconds = |time: Duration| round_ms(time.as_secs_f64());
    let failure = Failure::from(&state.error);
    GateView {
        protocol: protocol.as_str(),
        shut_for_s: state.shut_for.map(seconds),
        failing_for_s: seconds(state.failing_for),
        attempts: state.attempts,
        failed_ago_s: seconds(state.failed_ago),
        next_try_s: seconds(state.next_try),
        last_error: cause(&CheckResult::Failed(failure)).unwrap_or_default(),
    }
}

fn fleet_view(fleet: &Fleet) -> FleetView {
    let (load, limits) = (fleet.load(), fleet.limits());
    FleetView {
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
