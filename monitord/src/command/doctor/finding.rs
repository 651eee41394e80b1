use std::fmt::Write;

use serde::Serialize;

use crate::output::Paint;
use crate::report::plain;

/// How many examples a finding has. All of them are in the JSON form.
const DETAILS_SHOWN_MAX: usize = 5;

/// Something that is wrong now.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// What it is about, as a stable word.
    pub(super) area: &'static str,
    /// How many lines suffer from it; 0 when that cannot be told.
    pub(super) lines: usize,
    pub(super) what: String,
    /// Examples, the first ones first.
    pub(super) details: Vec<String>,
    /// What to do next.
    pub(super) next: String,
}

/// The more severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// It keeps others from being seen, or values from being delivered.
    Problem,
    /// It is not as it should be.
    Warning,
}

impl Finding {
    pub(super) fn problem(area: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Problem, area, what.into())
    }

    pub(super) fn warning(area: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, area, what.into())
    }

    fn new(severity: Severity, area: &'static str, what: String) -> Self {
        Self { severity, area, lines: 0, what, details: Vec::new(), next: String::new() }
    }

    pub(super) fn of_lines(self, lines: usize) -> Self {
        Self { lines, ..self }
    }

    pub(super) fn with(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    /// For people, with its own line ends.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mark = match self.severity {
            Severity::Problem => paint.red("PROBLEM"),
            Severity::Warning => paint.yellow("WARNING"),
        };
        let mut text = format!("{mark}  {}\n", paint.bold(&plain(&self.what)));
        for detail in self.details.iter().take(DETAILS_SHOWN_MAX) {
            writeln!(text, "         - {}", plain(detail)).ok();
        }
        let more = self.details.len().saturating_sub(DETAILS_SHOWN_MAX);
        if more > 0 {
            writeln!(text, "         - and {more} more").ok();
        }
        writeln!(text, "         next: {}", self.next).ok();
        text
    }
}

/// `1 line`, `2 lines`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
