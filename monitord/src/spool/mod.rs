//! Where outcomes wait until every sink has delivered them.
//!
//! An outcome is written to disk together with others (group commit) before any sink sees it, and
//! deleted when the last sink has settled it. The store is SQLite: its write-ahead log survives a
//! killed process and a cut power line, a log that ends in the middle of a record is cut to the
//! last whole commit, and a file can be looked at with tools that operators know. A file that
//! cannot be read is set aside and what is readable in it is taken over; it never prevents a
//! start.
//!
//! All blocking work is done by one named thread, which owns the database. Everyone else talks to
//! it over one bounded channel.
//!
//! Words: a *record* is an outcome with its sequence number; a sink's *progress* says which
//! records it has settled; a record of an item that Zabbix refuses is *held* for this sink.

mod change;
mod database;
mod directory;
mod intake;
mod progress;
mod reader;
mod record;
mod salvage;
mod store;
mod worker;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use change::{Change, Terms};
pub(crate) use database::Database;
pub(crate) use directory::{Directory, Locked};
pub(crate) use intake::Spool;
pub(crate) use progress::{Held, Lane, Progress};
pub(crate) use reader::{Closed, SpoolReader};
pub(crate) use record::Record;
pub(crate) use salvage::rescue;

/// Where and how much to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpoolSettings {
    /// The directory of the spool; absent when outcomes wait in memory only.
    pub(crate) directory: Option<PathBuf>,
    /// Outcomes that are older than this are dropped, delivered or not.
    pub(crate) age_max: Duration,
    /// When the outcomes take more room than this, the oldest are dropped.
    pub(crate) bytes_max: u64,
}
