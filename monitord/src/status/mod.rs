use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pool::{Fleet, GateState, RouterGate};
use pool_core::{PoolStats, Protocol};
use scheduler::{
    CheckResult, Failure, Line, LineId, LineState, Outcome, RouterName, RouterState, RouterStatus,
};
use serde::Serialize;

use crate::board::{Board, Declared, LastResult, RouterFacts, SourceState};
use crate::report::{cause, round_ms};

/// `/status`: every line with its last outcome, every router with its sessions and how logging in
/// fails, and what the routers share. No secrets.
#[derive(Debug)]
pub(super) struct StatusPage {
    board: Arc<Board>,
    fleet: Arc<Fleet>,
}

#[derive(Debug, Serialize)]
struct StatusView<'a> {
    lines: Vec<LineView<'a>>,
    routers: Vec<RouterView<'a>>,
    fleet: FleetView,
    inventory: Vec<SourceView>,
}

/// A source of the inventory.
#[derive(Debug, Serialize)]
struct SourceView {
    source: String,
    lines: usize,
    /// What keeps the latest that it says from counting; null when that counts.
    trouble: Option<String>,
    since: String,
    /// When it last said what counts of it: after a start at which it is away, before that start.
    as_of: String,
}

#[derive(Debug, Serialize)]
struct LineView<'a> {
    line: &'a str,
    router: &'a str,
    target: &'a str,
    platform: &'a str,
    /// What more than one check says.
    state: &'static str,
    since: Option<String>,
    flaps: u32,
    /// How the last check ended.
    last_result: &'static str,
    loss_pct: Option<f64>,
    rtt_avg_ms: Option<f64>,
    last_error: Option<String>,
    last_outcome_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct RouterView<'a> {
    router: &'a str,
    platform: &'a str,
    /// Whether sessions can be had; while they cannot, nothing is known of its lines.
    state: &'static str,
    since: Option<String>,
    /// Whether checks are skipped because it does not keep up with its lines.
    short: bool,
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
    pub(super) fn new(board: Arc<Board>, fleet: Arc<Fleet>) -> Self {
        Self { board, fleet }
    }

    /// The page of this moment.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let last: BTreeMap<LineId, _> = self.board.snapshot().into_iter().collect();
        let declared = self.board.declared();
        let lines = declared.lines.iter().map(|line| {
            let outcome = last.get(&line.id).and_then(Option::as_deref);
            line_view(&declared, line, outcome)
        });
        let lines = lines.collect();
        let stats: BTreeMap<Arc<str>, PoolStats> = self.fleet.stats().into_iter().collect();
        let mut gates: BTreeMap<Arc<str>, Vec<GateView>> = BTreeMap::new();
        for RouterGate { router, protocol, state, .. } in self.fleet.gates() {
            gates.entry(router).or_default().push(gate_view(protocol, &state));
        }
        let states = self.board.routers();
        let routers = declared.routers.iter().map(|(name, facts)| {
            // A router that was not asked for yet has no pool.
            let stats = stats.get(name.as_str()).copied().unwrap_or_default();
            let status = states.get(name).copied();
            router_view(name, facts, status, stats, gates.remove(name.as_str()).unwrap_or_default())
        });
        let routers = routers.collect();
        let inventory = self.board.sources().into_iter().map(source_view).collect();
        let fleet = fleet_view(&self.fleet);
        serde_json::to_string(&StatusView { lines, routers, fleet, inventory })
    }
}

fn source_view(state: SourceState) -> SourceView {
    let SourceState { name: source, lines, trouble, since, as_of } = state;
    let [since, as_of] = [since, as_of].map(|at| format!("{at:.3}"));
    SourceView { source, lines, trouble, since, as_of }
}

fn line_view<'a>(declared: &'a Declared, line: &'a Line, last: Option<&Outcome>) -> LineView<'a> {
    let measured = last.and_then(|outcome| outcome.result.ping());
    let ended_at = |outcome: &Outcome| {
        let began = outcome.started_at.unwrap_or(outcome.scheduled_at);
        format!("{:.3}", began.saturating_add(outcome.duration).unwrap_or(began))
    };
    let status = last.map(|outcome| outcome.line_status);
    LineView {
        line: line.id.as_str(),
        router: line.router.as_str(),
        target: line.target.as_str(),
        platform: declared.routers.get(&line.router).map_or("", |facts| facts.platform.as_str()),
        state: status.map_or(LineState::Unknown, |status| status.state).as_str(),
        since: status.map(|status| format!("{:.3}", status.since)),
        flaps: status.map_or(0, |status| status.flaps),
        last_result: LastResult::of(last).as_str(),
        loss_pct: measured.map(|measurement| round_ms(measurement.loss_pct())),
        rtt_avg_ms: measured.and_then(|m| m.rtt).map(|rtt| round_ms(rtt.avg)),
        last_error: last.and_then(|outcome| cause(&outcome.result)),
        last_outcome_at: last.map(ended_at),
    }
}

fn router_view<'a>(
    name: &'a RouterName,
    facts: &'a RouterFacts,
    status: Option<RouterStatus>,
    stats: PoolStats,
    gates: Vec<GateView>,
) -> RouterView<'a> {
    RouterView {
        router: name.as_str(),
        platform: facts.platform.as_str(),
        state: status.map_or(RouterState::Unknown, |status| status.state).as_str(),
        since: status.map(|status| format!("{:.3}", status.since)),
        short: status.is_some_and(|status| status.is_short),
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
