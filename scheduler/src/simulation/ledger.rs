//! What was declared when, and what has to have come of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::due::phase;
use crate::{CheckRules, Interval, Inventory, LineId, Outcome, RouterName, Trigger};

/// A time in which a line was declared with one interval.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// In milliseconds; a due time at this very moment counts only when the line was new.
    from: i64,
    is_new: bool,
    until: Option<i64>,
    interval: Interval,
}

/// What was declared when.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    lines: BTreeMap<LineId, Vec<Stretch>>,
    /// The rules of a router, since when; none while it was away.
    rules: BTreeMap<RouterName, Vec<(i64, Option<CheckRules>)>>,
}

impl Ledger {
    pub(super) fn note(&mut self, inventory: &Inventory, at: i64) {
        let declared: BTreeSet<_> = inventory.lines.iter().map(|line| &line.id).collect();
        for (id, stretches) in &mut self.lines {
            if let Some(last) = stretches.last_mut()
                && !declared.contains(id)
            {
                last.until.get_or_insert(at);
            }
        }
        for line in &inventory.lines {
            let stretches = self.lines.entry(line.id.clone()).or_default();
            let open = stretches.last_mut().filter(|last| last.until.is_none());
            let is_new = open.is_none();
            if let Some(last) = open {
                if last.interval == line.interval {
                    continue;
                }
                last.until = Some(at);
            }
            stretches.push(Stretch { from: at, is_new, until: None, interval: line.interval });
        }
        self.note_rules(inventory, at);
    }

    fn note_rules(&mut self, inventory: &Inventory, at: i64) {
        // A router without lines is as good as none.
        let has_lines = |name: &RouterName| inventory.lines.iter().any(|line| line.router == *name);
        let routers = inventory.routers.iter().filter(|router| has_lines(&router.name));
        let rules: BTreeMap<_, _> = routers.map(|r| (r.name.clone(), r.rules.clone())).collect();
        for name in rules.keys() {
            self.rules.entry(name.clone()).or_default();
        }
        for (name, known) in &mut self.rules {
            let now = rules.get(name).cloned();
            if known.last().is_none_or(|(_, last)| *last != now) {
                known.push((at, now));
            }
        }
    }

    /// The due times of a line until the end, in milliseconds.
    fn due(&self, id: &LineId, end: i64) -> Vec<i64> {
        let of = |stretch: &Stretch| {
            let interval = i64::try_from(stretch.interval.as_duration().as_millis()).unwrap();
            let phase = i64::try_from(phase(id, stretch.interval).as_millis()).unwrap();
            let from = if stretch.is_new { stretch.from } else { stretch.from + 1 };
            let first = from + (phase - from).rem_euclid(interval);
            let until = stretch.until.unwrap_or(end);
            (0..).map(move |n| first + n * interval).take_while(move |at| *at <= until)
        };
        self.lines[id].iter().flat_map(of).collect()
    }

    /// Holds everything that came, each with the moment at which it did, against what was declared.
    pub(super) fn check(&self, seen: &[(i64, Outcome)], end: i64) {
        self.check_due_times(seen, end);
        self.check_presence(seen, end);
        self.check_pace(seen);
        check_one_at_a_time(seen);
    }

    /// Each due time has exactly one outcome.
    fn check_due_times(&self, seen: &[(i64, Outcome)], end: i64) {
        let mut got: BTreeMap<LineId, Vec<i64>> = BTreeMap::new();
        for (_, outcome) in seen.iter().filter(|(_, o)| o.trigger == Trigger::Schedule) {
            let at = outcome.scheduled_at.as_millisecond();
            got.entry(outcome.line.clone()).or_default().push(at);
        }
        for id in self.lines.keys() {
            let mut got = got.remove(id).unwrap_or_default();
            // A cut-off check and one that waited elsewhere may come in either order when a line moves.
            got.sort_unstable();
            let expected = self.due(id, end);
            let lost: Vec<_> = expected.iter().filter(|at| !got.contains(at)).collect();
            let extra: Vec<_> = got.iter().filter(|at| !expected.contains(at)).collect();
            assert_eq!(got, expected, "{id}: lost {lost:?}, extra {extra:?}, {:?}", self.lines[id]);
        }
        assert!(got.is_empty(), "outcomes of no line: {got:?}");
    }

    /// Nothing comes of a line that is not declared, and nothing takes longer than its interval.
    fn check_presence(&self, seen: &[(i64, Outcome)], end: i64) {
        for (arrived, outcome) in seen {
            let stretches = &self.lines[&outcome.line];
            let is_declared = stretches
                .iter()
                .any(|stretch| (stretch.from..=stretch.until.unwrap_or(end)).contains(arrived));
            assert!(is_declared, "{} has an outcome after it was removed", outcome.line);
            let longest = stretches.iter().map(|stretch| stretch.interval.as_duration()).max();
            assert!(Some(outcome.duration) < longest, "{} outlasts its interval", outcome.line);
        }
    }

    /// No more checks begin on a router than may, as far as its rules were the same for long enough.
    fn check_pace(&self, seen: &[(i64, Outcome)]) {
        for (name, rules) in &self.rules {
            let own = seen.iter().filter(|(_, outcome)| outcome.router == *name);
            let mut began: Vec<_> = own.filter_map(|(_, o)| o.started_at).collect();
            began.sort_unstable();
            for pair in began.windows(2) {
                let (first, second) = (pair[0].as_millisecond(), pair[1].as_millisecond());
                if rules.iter().any(|(at, _)| (first..=second).contains(at)) {
                    continue;
                }
                let now = rules.iter().rev().find(|(at, _)| *at < first);
                let max = now.and_then(|(_, rules)| rules.as_ref()?.per_minute_max);
                let gap_min = max.map_or(0, |max| 60_000 / i64::from(max));
                assert!(second - first >= gap_min, "{name}: {} ms at {max:?}", second - first);
            }
        }
    }
}

/// A line is checked once at a time, whatever the checks are for.
fn check_one_at_a_time(seen: &[(i64, Outcome)]) {
    let mut busy: BTreeMap<&LineId, Vec<(i64, i64)>> = BTreeMap::new();
    for (_, outcome) in seen {
        if let Some(began) = outcome.started_at.map(Timestamp::as_millisecond) {
            let took = i64::try_from(outcome.duration.as_millis()).unwrap();
            busy.entry(&outcome.line).or_default().push((began, began + took));
        }
    }
    for (id, mut busy) in busy {
        busy.sort_unstable();
        let overlaps = busy.windows(2).find(|pair| pair[1].0 < pair[0].1);
        assert_eq!(overlaps, None, "{id} was checked twice at a time");
    }
}
