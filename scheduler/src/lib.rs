//! Decides which check is due on which router, runs it on a session, and accounts for every one.
//!
//! This crate knows [`ConnectionPool`](pool_core::ConnectionPool)s and [`Transcript`]s; it does
//! not know how sessions are made, where the inventory comes from, or in which format an outcome
//! leaves the process.
//!
//! # Terminology
//!
//! - [`Line`]: a leased line, checked from the [`Router`] it ends on. [`Inventory`]: all of them.
//! - Task: what is run, in terms of a platform: builds a `Request`, reads a `Transcript`. The one
//!   task so far is [`PingTask`].
//! - Check: one run of a line's task, at one due time.
//! - [`Outcome`]: how a check ended: [measured, failed or skipped](CheckResult). Every scheduled
//!   check has exactly one.
//!
//! [`Transcript`]: pool_core::Transcript

mod model;
mod outcome;
mod status;

mod inventory;
mod pools;
mod task;

mod check;
mod due;
mod timetable;

mod outbox;
mod reconcile;
mod router;
mod scheduler;
mod supervisor;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;

pub use inventory::{Problem, Subject};
pub use model::{
    Interval, InvalidText, InvalidValue, Inventory, Line, LineId, PingParams, Router, RouterName,
    Target, Word,
};
pub use outcome::{CheckResult, Failure, FailureKind, Measurement, Outcome, RttMs, SkipReason};
pub use pools::Pools;
pub use reconcile::{Change, InventoryDiff, LineChange, LineField, RouterChange, RouterField};
pub use scheduler::{Ended, Reconciler, Scheduler, run_once};
pub use task::ping::{DefinitionError, ParseError, PingTask};
