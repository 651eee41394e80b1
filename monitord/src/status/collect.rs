use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use pool::{Fleet, RouterGate};
use pool_core::PoolStats;
use scheduler::{Line, LineId, Outcome, RouterName, RouterState};

use super::line::shown;
use super::{
    ConfigurationView, FleetView, GateView, LineView, ProcessView, RecentView, RouterView,
    SourceView, SpoolView, Status, Totals, UnresolvedView, ZabbixView,
};
use crate::board::{Board, Declared, LastResult, SourceState};
use crate::metrics::Metrics;
use crate::reload::{ReloadState, Reloads};
use crate::settings::Settings;

/// How many routers are told to who does not ask for everything; the worst come first.
const ROUTERS_TOLD_MAX: usize = 1000;

/// Which lines are to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them, in the order of the inventory.
    All,
    /// Those that are named, with their latest outcomes, and so many others, the worst first.
    Some { named: Vec<String>, worst: usize },
}

/// Knows everyone who knows something.
#[derive(Debug)]
pub(crate) struct Collector {
    board: Arc<Board>,
    fleet: Arc<Fleet>,
    metrics: Arc<Metrics>,
    reloads: Arc<Reloads>,
    started_at: Timestamp,
    // A blocking lock, held for a look and never across an await.
    delivery: Mutex<Delivery>,
}

/// What is delivered to whom.
#[derive(Clone, Debug, Default)]
struct Delivery {
    has_spool: bool,
    zabbix: Option<String>,
}

type Last = BTreeMap<LineId, Option<Arc<Outcome>>>;

impl Collector {
    /// One that asks these, of a daemon that starts now.
    pub(crate) fn new(
        board: Arc<Board>,
        fleet: Arc<Fleet>,
        metrics: Arc<Metrics>,
        reloads: Arc<Reloads>,
    ) -> Self {
        Self {
            board,
            fleet,
            metrics,
            reloads,
            started_at: Timestamp::now(),
            delivery: Mutex::default(),
        }
    }

    /// What is delivered is delivered as `settings` say from now on.
    pub(crate) fn configure(&self, settings: &Settings) {
        *self.delivery.lock() = Delivery {
            has_spool: settings.reporting().is_some() || settings.file.is_some(),
            zabbix: settings.reporting().map(|zabbix| zabbix.address.to_string()),
        };
    }

    /// How reloads of the configuration have ended.
    pub(crate) fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// What is known at this moment.
    pub(crate) fn collect(&self, selection: &Selection) -> Status {
        let (now, declared) = (Timestamp::now(), self.board.declared());
        let last: Last = self.board.snapshot().into_iter().collect();
        let routers = self.routers(&declared);
        let view = |line: &Line| {
            let outcome = last.get(&line.id).and_then(Option::as_deref);
            LineView::of(&declared, line, outcome, now)
        };
        let totals = self.totals(&declared, &last, &routers);
        let Delivery { has_spool, zabbix } = self.delivery.lock().clone();
        let (lines, routers) = match selection {
            Selection::All => (declared.lines.iter().map(view).collect(), routers),
            Selection::Some { named, worst } => {
                let lines = chosen(&declared, &last, named, *worst);
                let recent = |line: &Line| LineView { recent: self.recent(&line.id), ..view(line) };
                let is_named: HashSet<_> = named.iter().map(String::as_str).collect();
                let told = |line: &&Line| match is_named.contains(line.id.as_str()) {
                    true => recent(line),
                    false => view(line),
                };
                (lines.iter().map(told).collect(), worst_routers(routers, &lines))
            }
        };
        Status {
            lines,
            routers,
            fleet: FleetView::from(&*self.fleet),
            inventory: self.board.sources().into_iter().map(SourceView::from).collect(),
            totals,
            unresolved: unresolved(&declared),
            spool: has_spool.then(|| SpoolView::from(&**self.metrics.spool())),
            zabbix: zabbix.map(|at| ZabbixView::of(at, self.metrics.zabbix())),
            process: ProcessView::of_now(self.started_at, now),
            configuration: ConfigurationView::from(self.reloads.state()),
        }
    }

    fn recent(&self, line: &LineId) -> Vec<RecentView> {
        self.board.recent(line).iter().map(RecentView::from).collect()
    }

    fn routers(&self, declared: &Declared) -> Vec<RouterView> {
        let stats: BTreeMap<Arc<str>, PoolStats> = self.fleet.stats().into_iter().collect();
        let mut gates: BTreeMap<Arc<str>, Vec<GateView>> = BTreeMap::new();
        for RouterGate { router, protocol, state, .. } in self.fleet.gates() {
            gates.entry(router).or_default().push(GateView::of(protocol, &state));
        }
        let states = self.board.routers();
        let view = |(name, facts): (&RouterName, _)| {
            // A router that was not asked for yet has no pool.
            let stats = stats.get(name.as_str()).copied().unwrap_or_default();
            let gates = gates.remove(name.as_str()).unwrap_or_default();
            RouterView::of(name, facts, states.get(name).copied(), stats, gates)
        };
        declared.routers.iter().map(view).collect()
    }

    fn totals(&self, declared: &Declared, last: &Last, routers: &[RouterView]) -> Totals {
        let mut totals = Totals {
            lines: declared.lines.len(),
            routers: declared.routers.values().filter(|facts| facts.unresolved.is_none()).count(),
            outcomes: self.board.outcomes_total(),
            ..Totals::default()
        };
        for line in &declared.lines {
            let outcome = last.get(&line.id).and_then(Option::as_deref);
            let state = outcome.map(|outcome| outcome.line_status.state).unwrap_or_default();
            *totals.states.entry(state.to_string()).or_default() += 1;
            *totals.last_results.entry(LastResult::of(outcome).to_string()).or_default() += 1;
        }
        for router in routers.iter().filter(|router| !router.address.is_empty()) {
            *totals.router_states.entry(router.state.clone()).or_default() += 1;
        }
        totals
    }
}

/// The lines that are named, and so many others, the worst first.
fn chosen<'a>(
    declared: &'a Declared,
    last: &Last,
    named: &[String],
    worst: usize,
) -> Vec<&'a Line> {
    let names: HashSet<_> = named.iter().map(String::as_str).collect();
    let (mut lines, mut others): (Vec<_>, Vec<_>) =
        declared.lines.iter().partition(|line| names.contains(line.id.as_str()));
    // Stable, so that equals stay where they are from look to look.
    others.sort_by_cached_key(|line| {
        let outcome = last.get(&line.id).and_then(Option::as_deref);
        Reverse(badness(outcome))
    });
    lines.extend(others.into_iter().take(worst));
    lines
}

/// How much a line needs to be looked at: first by how its last check ended, then by its loss in
/// thousandths.
fn badness(last: Option<&Outcome>) -> (u8, u64) {
    let rank = match LastResult::of(last) {
        LastResult::Down => 5,
        LastResult::Failed => 4,
        LastResult::Degraded => 3,
        LastResult::Skipped => 2,
        LastResult::Pending => 1,
        LastResult::Up => 0,
    };
    let loss = last.and_then(|outcome| outcome.result.ping()).map_or(0.0, |m| m.loss_pct());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100000")]
    let loss = (loss.clamp(0.0, 100.0) * 1000.0) as u64;
    (rank, loss)
}

/// The routers of `lines`, and of the others as many as are told, the worst first.
fn worst_routers(mut routers: Vec<RouterView>, lines: &[&Line]) -> Vec<RouterView> {
    let wanted: HashSet<_> = lines.iter().map(|line| line.router.as_str()).collect();
    routers.sort_by_key(|router| {
        let is_unreachable = router.state == RouterState::Unreachable.as_str();
        let is_failing = is_unreachable || !router.gates.is_empty();
        Reverse((is_failing, router.short, router.waiting, wanted.contains(router.router.as_str())))
    });
    let mut place = 0;
    routers.retain(|router| {
        place += 1;
        place <= ROUTERS_TOLD_MAX || wanted.contains(router.router.as_str())
    });
    routers
}

fn unresolved(declared: &Declared) -> Vec<UnresolvedView> {
    let reason = |line: &Line| declared.routers.get(&line.router)?.unresolved.clone();
    let mut reasons: BTreeMap<String, UnresolvedView> = BTreeMap::new();
    for line in &declared.lines {
        let Some(reason) = reason(line) else { continue };
        let view = reasons.entry(reason.clone()).or_insert_with(|| UnresolvedView {
            reason,
            lines: 0,
            first: line.id.to_string(),
        });
        view.lines += 1;
    }
    reasons.into_values().collect()
}

impl From<SourceState> for SourceView {
    fn from(state: SourceState) -> Self {
        let SourceState { name: source, lines, trouble, since, as_of } = state;
        Self { source, lines, trouble, since: shown(since), as_of: shown(as_of) }
    }
}

impl From<ReloadState> for ConfigurationView {
    fn from(state: ReloadState) -> Self {
        let ReloadState { digest, taken_at, good_at, problem, .. } = state;
        let (problem, problem_since) = problem.map(|(text, at)| (text, shown(at))).unzip();
        let hash = digest.to_string();
        Self { hash, taken_at: shown(taken_at), good_at: shown(good_at), problem, problem_since }
    }
}
