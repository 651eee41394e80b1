use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::RwLock;
use pool_core::Platform;
use scheduler::{
    CheckResult, Inventory, Line, LineId, LineState, Outcome, RouterName, RouterStatus, SkipReason,
};

/// What is declared, and the last outcome of every line: what `/status` and the line gauges show.
#[derive(Debug)]
pub(crate) struct Board {
    // Blocking locks: each is held for one look-up or one walk, and never across an await. The
    // keys are those of the inventory, so that the map cannot grow.
    lines: RwLock<BTreeMap<LineId, Option<Arc<Outcome>>>>,
    declared: RwLock<Arc<Declared>>,
    sources: RwLock<Vec<SourceState>>,
    outcomes: AtomicU64,
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
        let facts = inventory.routers.iter().map(|router| {
            let platform = router.connection.platform.clone();
            let sessions_max = router.connection.max_connections;
            (router.name.clone(), RouterFacts { platform, sessions_max })
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
        let last = |line: &Line| (line.id.clone(), known.remove(&line.id).flatten());
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
        if let Some(last) = self.lines.write().get_mut(&outcome.line) {
            *last = Some(outcome.clone());
        }
    }

    /// How many outcomes there have been, of whatever kind.
    pub(crate) fn outcomes_total(&self) -> u64 {
        self.outcomes.load(Ordering::Relaxed)
    }

    /// The state of each router that a check was tried on, by the latest of its lines' outcomes.
    pub(crate) fn routers(&self) -> BTreeMap<RouterName, RouterStatus> {
        let mut routers: BTreeMap<RouterName, (Timestamp, RouterStatus)> = BTreeMap::new();
        for last in self.lines.read().values().flatten() {
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
        self.lines.read().iter().map(|(id, last)| (id.clone(), last.clone())).collect()
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
