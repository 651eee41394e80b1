//! The section `reload`: whether the configuration is followed without being told to.

use std::time::Duration;

use super::section::Section;
use super::value::duration_within;

/// More often is of no use to anybody, and asks a file system over the network too much.
const WATCH_MIN: Duration = Duration::from_secs(1);
const WATCH_MAX: Duration = Duration::from_secs(3600);

/// Reads the section: how often the files of the configuration are looked at; never when absent.
pub(super) fn read(section: &mut Section<'_>) -> Option<Duration> {
    section.get("watch", duration_within(WATCH_MIN..=WATCH_MAX))
}
