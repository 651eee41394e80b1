use std::fs;
use std::process;

use jiff::Timestamp;
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use super::line::shown;

/// The process itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ProcessView {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) started_at: String,
    /// By its own clock.
    pub(crate) now: String,
    /// File descriptors that are open; null where that cannot be told.
    pub(crate) descriptors: Option<u64>,
    /// How many it may have; null when there is no limit.
    pub(crate) descriptors_max: Option<u64>,
}

impl ProcessView {
    /// This process, which has run since `started_at`.
    pub(super) fn of_now(started_at: Timestamp, now: Timestamp) -> Self {
        let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: process::id(),
            started_at: shown(started_at),
            now: shown(now),
            // The look itself has one.
            descriptors: open.and_then(|open| u64::try_from(open.saturating_sub(1)).ok()),
            descriptors_max: getrlimit(Resource::Nofile).current,
        }
    }
}
