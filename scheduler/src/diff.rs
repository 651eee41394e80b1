//! How one inventory differs from another, in words that operators read.

use std::fmt;

use crate::{Line, LineId, Router, RouterName};

/// How one inventory differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryDiff {
    /// The routers that differ.
    pub routers: Vec<RouterChange>,
    /// The lines that differ.
    pub lines: Vec<LineChange>,
}

/// How a router with lines differs. A router without lines is as good as none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterChange {
    /// The router.
    pub router: RouterName,
    /// How it differs.
    pub change: Change<RouterField>,
}

/// How a line differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// The line.
    pub line: LineId,
    /// How it differs.
    pub change: Change<LineField>,
}

/// What became of something that is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<F> {
    /// It is new.
    Added,
    /// It is not there any more.
    Removed,
    /// It is there with other settings: in these fields, at least one.
    Changed(Vec<F>),
}

/// A part of a router's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterField {
    /// Where it listens.
    Endpoint,
    /// Whose command line it has.
    Platform,
    /// How commands reach it.
    Protocol,
    /// Who logs in, and with what.
    Credentials,
    /// Timeouts, numbers of sessions, host keys, algorithms.
    Limits,
    /// How its lines are checked.
    Rules,
}

impl RouterField {
    /// The name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Platform => "platform",
            Self::Protocol => "protocol",
            Self::Credentials => "credentials",
            Self::Limits => "limits",
            Self::Rules => "checks",
        }
    }
}

/// A part of a line's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineField {
    /// The router it is checked from.
    Router,
    /// Its far end.
    Target,
    /// Time between two checks.
    Interval,
    /// What is run for it, and how.
    Task,
}

impl LineField {
    /// The name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Target => "target",
            Self::Interval => "interval",
            Self::Task => "task",
        }
    }
}

impl InventoryDiff {
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.routers.is_empty() && self.lines.is_empty()
    }

    /// How many lines were added, removed and changed.
    pub fn line_counts(&self) -> (usize, usize, usize) {
        counts(self.lines.iter().map(|line| &line.change))
    }

    /// How many routers were added, removed and changed.
    pub fn router_counts(&self) -> (usize, usize, usize) {
        counts(self.routers.iter().map(|router| &router.change))
    }
}

impl fmt::Display for InventoryDiff {
    /// `lines +1 -0 ~3, routers +0 -0 ~1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed, changed) = self.line_counts();
        write!(f, "lines +{added} -{removed} ~{changed}, ")?;
        let (added, removed, changed) = self.router_counts();
        write!(f, "routers +{added} -{removed} ~{changed}")
    }
}

fn counts<'a, F: 'a>(changes: impl Iterator<Item = &'a Change<F>>) -> (usize, usize, usize) {
    changes.fold((0, 0, 0), |(added, removed, changed), change| match change {
        Change::Added => (added + 1, removed, changed),
        Change::Removed => (added, removed + 1, changed),
        Change::Changed(_) => (added, removed, changed + 1),
    })
}

/// The parts in which two settings of a router differ.
pub(crate) fn router_fields(old: &Router, new: &Router) -> Vec<RouterField> {
    if old == new {
        return Vec::new();
    }
    let (was, is) = (&old.connection, &new.connection);
    let mut same_limits = is.clone();
    same_limits.endpoint = was.endpoint.clone();
    same_limits.platform = was.platform.clone();
    same_limits.credentials = was.credentials.clone();
    let fields = [
        (RouterField::Endpoint, was.endpoint != is.endpoint),
        (RouterField::Platform, was.platform != is.platform),
        (RouterField::Protocol, old.protocol != new.protocol),
        (RouterField::Credentials, was.credentials != is.credentials),
        (RouterField::Limits, *was != same_limits),
        (RouterField::Rules, old.rules != new.rules),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

/// The parts in which two settings of a line on the same router differ.
pub(crate) fn line_fields(old: &Line, new: &Line) -> Vec<LineField> {
    let fields = [
        (LineField::Target, old.target != new.target),
        (LineField::Interval, old.interval != new.interval),
        (LineField::Task, old.task != new.task),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}
