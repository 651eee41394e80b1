use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::RwLock;
use pool_core::{Phase, Platform};
use scheduler::{
    CheckResult, Inventory, Line, LineId, LineState, Outcome, RouterName, RouterStatus, SkipReason,
    Trigger,
};

use crate::inventory::unresolved;

/// How many outcomes of a line are remembered in short. There may be a hundred thousand lines.
const RECENT_MAX: usize = 8;

/// What is declared, and the last outcome of every line: what `/status` and the line gauges show.
#[derive(Debug)]
pub(crate) struct Board {
    // Blocking locks: each is held for one look-up or one walk, and never across an await. The
    // keys are those of the inventory, so that the map cannot grow.
    lines: RwLock<BTreeMap<LineId, Memory>>,
    declared: RwLock<Arc<Declared>>,
    sources: RwLock<Vec<SourceState>>,
    outcomes: AtomicU64,
}

/// What is remembered of a line.
#[derive(Clone, Debug, Default)]
struct Memory {
    last: Option<Arc<Outcome>>,
    /// The oldest first.
    recent: VecDeque<Recent>,
}

/// An outcome in short, without any text of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recent {
    pub(crate) scheduled_at: Timestamp,
    pub(crate) trigger: Trigger,
    pub(crate) result: LastResult,
    pub(crate) loss_pct: Option<f64>,
    pub(crate) rtt_avg_ms: Option<f64>,
    pub(crate) duration: Duration,
    /// The kind of the failure, or why it was skipped.
    pub(crate) reason: Option<&'static str>,
    pub(crate) phase: Option<Phase>,
}

impl From<&Outcome> for Recent {
    fn from(outcome: &Outcome) -> Self {
        let measured = outcome.result.ping();
        let (reason, phase) = match &outcome.result {
            CheckResult::Measured(_) => (None, None),
            CheckResult::Failed(failure) => (Some(failure.kind.as_str()), failure.phase),
            CheckResult::Skipped(reason) => (Some(reason.as_str()), None),
        };
        Self {
            scheduled_at: outcome.scheduled_at,
            trigger: outcome.trigger,
            result: LastResult::of(Some(outcome)),
            loss_pct: measured.map(|measured| measured.loss_pct()),
            rtt_avg_ms: measured.and_then(|measured| measured.rtt).map(|rtt| rtt.avg),
            duration: outcome.duration,
            reason,
            phase,
        }
    }
}

/// What the inventory says that pages show. Credentials stay behind.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) lines: Vec<Line>,
    pub(crate) routers: BTreeMap<RouterName, RouterFacts>,
}

/// What the inventory says of a router that pages show.
#[derive(Debug)]
pub(crate) struct RouterFacts {
    pub(crate) platform: Platform,
    pub(crate) sessions_max: usize,
    /// With its port; empty for one that only stands for lines that cannot be checked.
    pub(crate) address: String,
    /// Why its lines cannot be checked, if it only stands for that.
    pub(crate) unresolved: Option<String>,
    /// How many lines it has.
    pub(crate) lines: usize,
}

/// How a source of the inventory is.
#[derive(Clone, Debug)]
pub(crate) struct SourceState {
    pub(crate) name: String,
    /// How many of its lines count.
    pub(crate) lines: usize,
    /// What keeps the latest that it says from counting.
    pub(crate) trouble: Option<String>,
    /// Since when it has this trouble, or none.
    pub(crate) since: Timestamp,
    /// When it last said what counts of it.
    pub(crate) as_of: Timestamp,
}

impl Declared {
    fn of(inventory: &Inventory) -> Self {
        let mut counts: BTreeMap<&RouterName, usize> = BTreeMap::new();
        for line in &inventory.lines {
            *counts.entry(&line.router).or_default() += 1;
        }
        let facts = inventory.routers.iter().map(|router| {
            let connection = &router.connection;
            let unresolved = unresolved::reason_of(router).map(str::to_owned);
            let is_real = unresolved.is_none();
            let facts = RouterFacts {
                platform: connection.platform.clone(),
                sessions_max: connection.max_connections,
                address: if is_real { connection.endpoint.to_string() } else { String::new() },
                unresolved,
                lines: counts.get(&router.name).copied().unwrap_or(0),
            };
            (router.name.clone(), facts)
        });
        Self { lines: inventory.lines.clone(), routers: facts.collect() }
    }

    /// How often the line that is checked most often is checked; nothing when there is no line.
    pub(crate) fn shortest_interval(&self) -> Option<Duration> {
        self.lines.iter().map(|line| line.interval.as_duration()).min()
    }
}

/// How the last check of a line ended. Its state, which more than one check confirms, is
/// [`scheduler::LineState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LastResult {
    /// Not checked yet.
    Pending,
    /// Every packet was answered.
    Up,
    /// Some packets were answered.
    Degraded,
    /// No packet was answered.
    Down,
    /// The check was tried and gave no figures.
    Failed,
    /// The check was not tried.
    Skipped,
}

impl Board {
    /// A board of the lines of `inventory`, none of them checked.
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let board = Self {
            lines: RwLock::default(),
            declared: RwLock::new(Arc::new(Declared::of(&Inventory::default()))),
            sources: RwLock::default(),
            outcomes: AtomicU64::new(0),
        };
        board.declare(inventory);
        board
    }

    /// Shows `inventory` from now on. Lines that stay keep their last outcome.
    pub(crate) fn declare(&self, inventory: &Inventory) {
        let declared = Arc::new(Declared::of(inventory));
        *self.declared.write() = declared;
        let mut lines = self.lines.write();
        let mut known = std::mem::take(&mut *lines);
        let last = |line: &Line| (line.id.clone(), known.remove(&line.id).unwrap_or_default());
        *lines = inventory.lines.iter().map(last).collect();
    }

    /// What is declared.
    pub(crate) fn declared(&self) -> Arc<Declared> {
        self.declared.read().clone()
    }

    /// Shows how the sources are.
    pub(crate) fn show_sources(&self, mut sources: Vec<SourceState>) {
        let mut shown = self.sources.write();
        for source in &mut sources {
            let known = shown.iter().find(|known| known.name == source.name);
            if let Some(known) = known.filter(|known| known.trouble == source.trouble) {
                source.since = known.since;
            }
        }
        *shown = sources;
    }

    /// How the sources are.
    pub(crate) fn sources(&self) -> Vec<SourceState> {
        self.sources.read().clone()
    }

    /// Notes an outcome. That we stop, or that the line is no longer wanted, says nothing about it,
    /// and is not noted.
    pub(crate) fn record(&self, outcome: &Arc<Outcome>) {
        self.outcomes.fetch_add(1, Ordering::Relaxed);
        let idle = [SkipReason::ShuttingDown, SkipReason::Withdrawn];
        if idle.iter().any(|reason| outcome.result == CheckResult::Skipped(*reason)) {
            return;
        }
        if let Some(memory) = self.lines.write().get_mut(&outcome.line) {
            memory.last = Some(outcome.clone());
            if memory.recent.len() == RECENT_MAX {
                memory.recent.pop_front();
            }
            memory.recent.push_back(Recent::from(&**outcome));
        }
    }

    /// How many outcomes there have been, of whatever kind.
    pub(crate) fn outcomes_total(&self) -> u64 {
        self.outcomes.load(Ordering::Relaxed)
    }

    /// The state of each router that a check was tried on, by the latest of its lines' outcomes.
    pub(crate) fn routers(&self) -> BTreeMap<RouterName, RouterStatus> {
        let mut routers: BTreeMap<RouterName, (Timestamp, RouterStatus)> = BTreeMap::new();
        for last in self.lines.read().values().filter_map(|memory| memory.last.as_ref()) {
            let fresh = (last.scheduled_at, last.router_status);
            let known = routers.entry(last.router.clone()).or_insert(fresh);
            if known.0 < fresh.0 {
                *known = fresh;
            }
        }
        routers.into_iter().map(|(name, (_, status))| (name, status)).collect()
    }

    /// Every line with its last outcome, by id.
    pub(crate) fn snapshot(&self) -> Vec<(LineId, Option<Arc<Outcome>>)> {
        self.lines.read().iter().map(|(id, memory)| (id.clone(), memory.last.clone())).collect()
    }

    /// How the latest checks of a line ended, the oldest first.
    pub(crate) fn recent(&self, line: &LineId) -> Vec<Recent> {
        let lines = self.lines.read();
        lines.get(line).map(|memory| memory.recent.iter().copied().collect()).unwrap_or_default()
    }
}

impl LastResult {
    /// Every state.
    pub(crate) const ALL: [Self; 6] =
        [Self::Pending, Self::Up, Self::Degraded, Self::Down, Self::Failed, Self::Skipped];

    /// The state after `last`, or before any outcome.
    pub(crate) fn of(last: Option<&Outcome>) -> Self {
        match last.map(|outcome| &outcome.result) {
            None => Self::Pending,
            Some(CheckResult::Measured(figures)) => match figures.line_state() {
                LineState::Down => Self::Down,
                LineState::Degraded => Self::Degraded,
                LineState::Up => Self::Up,
                LineState::Unknown => Self::Failed,
            },
            Some(CheckResult::Failed(_)) => Self::Failed,
            Some(CheckResult::Skipped(_)) => Self::Skipped,
        }
    }

    /// The stable name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for LastResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
