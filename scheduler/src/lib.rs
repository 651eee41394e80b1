//! Decides which check is due on which router, runs it on a session, and accounts for every one.
//!
//! This crate knows [`ConnectionPool`](pool_core::ConnectionPool)s and [`Transcript`]s; it does
//! not know how sessions are made, where the inventory comes from, or in which format an outcome
//! leaves the process.
//!
//! # Terminology
//!
//! - [`Line`]: a leased line, checked from the [`Router`] it ends on. [`Inventory`]: all of them.
//! - [`Task`]: what is run for a line. [`Tasks`]: the kinds that there are, each in terms of every
//!   platform: builds a `Request`, reads a `Transcript`.
//! - Check: one run of a line's task, at one due time.
//! - [`Outcome`]: how a check ended: [measured, failed or skipped](CheckResult). Every scheduled
//!   check has exactly one.
//!
//! # From what is declared to what runs
//!
//! ```text
//! InventorySource ──► Keeper ──► merge ──► Reconciler ──► plan ──► errands ──► router workers
//!  load(ctx)          last good   one of     one at a      pure     leave,      one timetable
//!                     of each     several    time          diff     then come   each
//! ```
//!
//! - An [`InventorySource`] declares all of its routers and lines, or fails.
//! - The [`Keeper`] holds the last good inventory of each source. One that fails, or drops more
//!   lines than the [`DropLimit`] allows, keeps what it had until it recovers or an operator
//!   confirms.
//! - [`merge`] makes one inventory of them: what an earlier source declares counts, and each
//!   [`Conflict`] is told with the lines that it concerns.
//! - The [`Reconciler`] hands it to the supervisor, which compares it with what runs and tells
//!   each worker what differs ([`InventoryDiff`] is what it comes to). Lines first leave, each
//!   with the moment at which it did; then they come, with that moment. So a line that moves is
//!   never in two places, and none of its due times is in neither.
//! - A worker's timetable keeps the old rhythm of a line for the due times up to the change. What
//!   the change leaves to be accounted for waits there, so that a worker never puts an errand off.
//!
//! What a change does to checks in flight is a rule: see [`Reconciler::reconcile`].
//!
//! [`Transcript`]: pool_core::Transcript

mod measurement;
mod model;
mod outcome;
mod state;
mod status;

mod inventory;
mod keeper;
mod merge;
mod pools;
mod source;
mod task;

mod capacity;
mod check;
mod check_now;
mod due;
mod held;
mod look;
mod pace;
mod preload;
mod timetable;

mod diff;
mod outbox;
mod reconcile;
mod router;
mod scheduler;
mod supervisor;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;

pub use capacity::Shortage;
pub use check_now::{Answers, Checker, NotChecked, Wanted};
pub use diff::{Change, InventoryDiff, LineChange, LineField, RouterChange, RouterField};
pub use inventory::{Problem, Subject};
pub use keeper::{Confirmation, DropLimit, Keeper, Trouble, Verdict};
pub use measurement::{Details, Measurement, RttMs, Unanswered};
pub use merge::{Conflict, Merged, merge};
pub use model::{
    CheckRules, Interval, InvalidText, InvalidValue, Inventory, Line, LineId, PingParams, Router,
    RouterName, Target, Word,
};
pub use outcome::{CheckResult, Failure, FailureKind, Outcome, SkipReason, Trigger};
pub use pools::Pools;
pub use scheduler::{Ended, Reconciler, Scheduler, run_once};
pub use source::{InventorySource, SourceError, SourceRecord};
pub use state::{LineState, LineStatus, RouterState, RouterStatus};
pub use task::interface::{InterfaceFigures, InterfaceState, InterfaceTask};
pub use task::ping::{
    Expected, Mismatch, ParseError, PingTask, ReadLine, ReadRule, Sample, SampleError,
};
pub use task::{DefinitionError, DefinitionErrors, Figures, Task, TaskKind, Tasks};
