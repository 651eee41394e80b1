use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use scheduler::{CheckResult, Inventory, LineId, Outcome, SkipReason};

/// The last outcome of every line: what `/status` and the line gauges show.
#[derive(Debug)]
pub(crate) struct Board {
    // A blocking lock: it is held for one look-up or one walk, and never across an await. The
    // keys are those of the inventory, so that the map cannot grow.
    lines: RwLock<BTreeMap<LineId, Option<Arc<Outcome>>>>,
}

/// The state of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LineState {
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

/// A line went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) from: LineState,
    pub(crate) to: LineState,
}

impl Board {
    /// A board of the lines of `inventory`, none of them checked.
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let lines = inventory.lines.iter().map(|line| (line.id.clone(), None)).collect();
        Self { lines: RwLock::new(lines) }
    }

    /// Notes an outcome, and returns the change if it is one. That we stop says nothing about a
    /// line, and is not noted.
    pub(crate) fn record(&self, outcome: &Arc<Outcome>) -> Option<Change> {
        if let CheckResult::Skipped(SkipReason::ShuttingDown) = outcome.result {
            return None;
        }
        let mut lines = self.lines.write();
        let entry = lines.get_mut(&outcome.line)?;
        let from = LineState::of(entry.as_deref());
        *entry = Some(outcome.clone());
        let to = LineState::of(entry.as_deref());
        (from != to).then_some(Change { from, to })
    }

    /// Every line with its last outcome, by id.
    pub(crate) fn snapshot(&self) -> Vec<(LineId, Option<Arc<Outcome>>)> {
        self.lines.read().iter().map(|(id, last)| (id.clone(), last.clone())).collect()
    }
}

impl LineState {
    /// Every state.
    pub(crate) const ALL: [Self; 6] =
        [Self::Pending, Self::Up, Self::Degraded, Self::Down, Self::Failed, Self::Skipped];

    /// The state after `last`, or before any outcome.
    pub(crate) fn of(last: Option<&Outcome>) -> Self {
        match last.map(|outcome| &outcome.result) {
            None => Self::Pending,
            Some(CheckResult::Measured(m)) if m.received == 0 => Self::Down,
            Some(CheckResult::Measured(m)) if m.received < m.sent => Self::Degraded,
            Some(CheckResult::Measured(_)) => Self::Up,
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

impl fmt::Display for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
