use std::sync::Arc;

use pool_core::{Error, Protocol, SlotId};

/// What became of a [`Fleet::rebuild`](crate::Fleet::rebuild): one entry for each session that was
/// meant, by router and session.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RebuildReport {
    /// The sessions.
    pub sessions: Vec<SessionRebuild>,
}

/// What became of one session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionRebuild {
    /// The router.
    pub router: Arc<str>,
    /// How the session talks to it.
    pub protocol: Protocol,
    /// The session that was to be replaced.
    pub slot: SlotId,
    /// What became of it.
    pub outcome: RebuildOutcome,
}

/// Whether a session was replaced.
#[derive(Clone, Debug)]
pub enum RebuildOutcome {
    /// There is a new one. The old one is closed, or will be when it comes back.
    Rebuilt,
    /// A new one could not be made. The old one is still there, unless its router had no slot for
    /// both.
    Failed(Error),
    /// It was not tried, or not to its end.
    Skipped(SkipReason),
}

/// Why a session was not replaced.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// It ended by itself, or its pool closed: the router has left, or is known with another
    /// configuration, or the fleet closed.
    Gone,
    /// Logging in to the router fails, like this. Nothing was given up for an attempt.
    Failing(Error),
    /// Until the context ended it was in use, with no free slot for another, or callers waited for
    /// what would have been taken for it.
    InUse,
    /// The context ended before its turn came.
    NotBegun,
    /// The context ended while the new one was made. That goes on.
    UnderWay,
}

impl RebuildReport {
    /// How many sessions were replaced.
    pub fn rebuilt(&self) -> usize {
        self.count(|outcome| matches!(outcome, RebuildOutcome::Rebuilt))
    }

    /// How many could not be replaced.
    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, RebuildOutcome::Failed(_)))
    }

    /// How many were not replaced for another reason.
    pub fn skipped(&self) -> usize {
        self.count(|outcome| matches!(outcome, RebuildOutcome::Skipped(_)))
    }

    fn count(&self, what: impl Fn(&RebuildOutcome) -> bool) -> usize {
        self.sessions.iter().filter(|session| what(&session.outcome)).count()
    }

    pub(super) fn in_order(mut self) -> Self {
        self.sessions.sort_by(|a, b| (&a.router, a.slot).cmp(&(&b.router, b.slot)));
        self
    }
}
