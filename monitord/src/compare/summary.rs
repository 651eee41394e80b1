//! All lines together.

use std::collections::BTreeMap;

use serde::Serialize;

use super::line::{Comparison, shown};
use super::reason::Reason;
use super::{Span, Theirs, Trial, compare};

/// What came of comparing. The names are a promise to programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// The time that both sides have checks of.
    pub(crate) from: String,
    pub(crate) till: String,
    pub(crate) lines: u64,
    pub(crate) checks_here: u64,
    pub(crate) checks_there: u64,
    pub(crate) equal: u64,
    pub(crate) different: u64,
    pub(crate) only_here: u64,
    pub(crate) only_there: u64,
    /// How many of those that are not equal have which known reason.
    pub(crate) reasons: BTreeMap<Reason, u64>,
    /// How many have none.
    pub(crate) unexplained: u64,
    /// Outcomes that the predecessor has nothing like: of second looks, checks on request,
    /// interfaces and stops.
    pub(crate) left_out: u64,
    /// Values in Zabbix that monitord has reported itself.
    pub(crate) reported_here: u64,
    /// Lines of the trial without such items in Zabbix.
    pub(crate) without_items: Vec<String>,
}

impl Summary {
    /// Compares every line, each with the first `shown_max` differences. Nothing when there is no
    /// time of which both sides have checks.
    pub(crate) fn of(
        trial: &mut Trial,
        theirs: &mut Theirs,
        shown_max: usize,
    ) -> Option<(Self, Vec<Comparison>)> {
        let reported_here = theirs.without_those_of(trial);
        let ours = trial.lines.values().flat_map(|line| &line.checks);
        let ours = Span::of(ours.map(|check| check.at_ms))?;
        let there = theirs.checks.values().flatten().map(|check| check.at_ms);
        let span = ours.common(Span::of(there)?)?;
        let mut summary = Self {
            from: shown(span.from_ms),
            till: shown(span.till_ms),
            left_out: trial.left_out,
            reported_here,
            ..Self::default()
        };
        let mut lines = Vec::new();
        for (name, line) in &trial.lines {
            let Some(there) = theirs.checks.get(name) else {
                summary.without_items.push(name.clone());
                continue;
            };
            let found = compare((name, &line.platform), &line.checks, there, span, shown_max);
            summary.add(&found);
            lines.push(found);
        }
        Some((summary, lines))
    }

    fn add(&mut self, line: &Comparison) {
        self.lines += 1;
        self.checks_here += line.checks_here;
        self.checks_there += line.checks_there;
        self.equal += line.equal;
        self.different += line.different;
        self.only_here += line.only_here;
        self.only_there += line.only_there;
        self.unexplained += line.unexplained;
        for (reason, count) in &line.reasons {
            *self.reasons.entry(*reason).or_default() += count;
        }
    }
}
