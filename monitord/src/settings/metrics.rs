//! The section `metrics`: how much of `/metrics` is told line by line and router by router.

use super::section::Section;
use super::value::integer;

/// Lines with series of their own, when nothing else is said.
const LINES_DEFAULT: usize = 5000;
/// Routers with series of their own, when nothing else is said.
const ROUTERS_DEFAULT: usize = 1000;
/// The most of either. A line has up to ten series, a router nine, and an answer with a million of
/// them is more than anything scrapes in time.
const MAX: usize = 100_000;

/// Whom `/metrics` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsSettings {
    /// So many lines have series of their own, the first by name; none with 0.
    pub(crate) lines_max: usize,
    /// So many routers have series of their own, the first by name; the others are counted together.
    pub(crate) routers_max: usize,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { lines_max: LINES_DEFAULT, routers_max: ROUTERS_DEFAULT }
    }
}

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>) -> MetricsSettings {
    let defaults = MetricsSettings::default();
    MetricsSettings {
        lines_max: section.get("lines_max", integer(0..=MAX)).unwrap_or(defaults.lines_max),
        routers_max: section.get("routers_max", integer(0..=MAX)).unwrap_or(defaults.routers_max),
    }
}
