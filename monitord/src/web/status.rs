use std::collections::BTreeMap;
use std::sync::Arc;

use pool::Fleet;
use pool_core::{Platform, PoolStats};
use scheduler::{CheckResult, Inventory, Line, LineId, Outcome, RouterName};
use serde::Serialize;

use crate::board::{Board, LineState};
use crate::report::{cause, round_ms};

/// `/status`: every line with its last outcome, every router with its sessions. No secrets.
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
    creating: usize,
    closing: usize,
    waiting: usize,
    max: usize,
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
        let routers = self.routers.iter().map(|(name, facts)| {
            // A router that was not asked for yet has no pool.
            router_view(name, facts, stats.get(name.as_str()).copied().unwrap_or_default())
        });
        serde_json::to_string(&StatusView { lines, routers: routers.collect() })
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
) -> RouterView<'a> {
    RouterView {
        router: name.as_str(),
        platform: facts.platform.as_str(),
        in_use: stats.in_use,
        checking: stats.checking,
        idle: stats.idle,
        creating: stats.creating,
        closing: stats.closing,
        waiting: stats.waiting,
        max: facts.sessions_max,
    }
}
