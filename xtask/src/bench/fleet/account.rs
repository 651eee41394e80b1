//! The account: every line has one outcome for every time at which it was due. No input or output.
//!
//! The due times of a line are a grid on the wall clock, so one of them tells all others.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::outcome::Outcome;

/// The due times that are looked at: from one moment until before another, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
    pub(super) interval_ms: i64,
}

/// What became of the due times of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) due: usize,
    /// Of these, with exactly one outcome.
    pub(super) accounted: usize,
    /// Whatever is wrong, one sentence each.
    pub(super) faults: Vec<String>,
}

impl Window {
    pub(super) fn has(&self, at_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms)
    }

    /// All due times of a line that is due at `at_ms`.
    fn due_times(&self, at_ms: i64) -> impl Iterator<Item = i64> {
        let Self { from_ms, until_ms, interval_ms } = *self;
        let first = from_ms + (at_ms - from_ms).rem_euclid(interval_ms);
        (0..).map(move |n| first + n * interval_ms).take_while(move |due| *due < until_ms)
    }
}

/// Draws up the account of these lines.
pub(super) fn draw_up(lines: &[String], window: Window, outcomes: &[Outcome]) -> Account {
    let mut account = Account::default();
    let mut by_line: BTreeMap<&str, Vec<i64>> =
        lines.iter().map(|line| (line.as_str(), Vec::new())).collect();
    for outcome in outcomes.iter().filter(|outcome| outcome.is_scheduled) {
        match by_line.get_mut(outcome.line.as_str()) {
            Some(due) => due.push(outcome.due_ms),
            None => account.faults.push(format!("{}: no such line", outcome.line)),
        }
    }
    for (line, due) in by_line {
        account.count(line, window, &due);
    }
    account
}

impl Account {
    fn count(&mut self, line: &str, window: Window, said: &[i64]) {
        let Some(&one) = said.first() else {
            // Its grid is unknown, so this may be one more than there were.
            self.due += window.due_times(window.from_ms).count();
            self.faults.push(format!("{line}: no outcome at all"));
            return;
        };
        for due in window.due_times(one) {
            self.due += 1;
            match said.iter().filter(|at| **at == due).count() {
                1 => self.accounted += 1,
                0 => self.faults.push(format!("{line}: no outcome for {}", moment(due))),
                many => self.faults.push(format!("{line}: {many} outcomes for {}", moment(due))),
            }
        }
        let strays = said.iter().filter(|at| (*at - one).rem_euclid(window.interval_ms) != 0);
        self.faults.extend(strays.map(|at| format!("{line}: {} is off its grid", moment(*at))));
    }

    pub(super) fn closes(&self) -> bool {
        self.faults.is_empty() && self.accounted == self.due
    }
}

fn moment(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Status;
    use super::*;

    const WINDOW: Window = Window { from_ms: 100_000, until_ms: 130_000, interval_ms: 10_000 };

    fn outcomes(due_ms: &[i64]) -> Vec<Outcome> {
        let outcome = |due_ms: &i64| Outcome {
            line: "L".to_owned(),
            due_ms: *due_ms,
            is_scheduled: true,
            started_ms: Some(due_ms + 2),
            duration_ms: Some(5.0),
            status: Status::Measured,
        };
        due_ms.iter().map(outcome).collect()
    }

    fn account(outcomes: &[Outcome]) -> Account {
        draw_up(&["L".to_owned()], WINDOW, outcomes)
    }

    #[test]
    fn one_outcome_for_each_due_time_closes_it_whatever_came_before_and_after() {
        let account = account(&outcomes(&[93_250, 103_250, 123_250, 113_250, 133_250]));
        assert_eq!((account.due, account.accounted), (3, 3));
        assert!(account.closes(), "{account:?}");
    }

    #[test]
    fn a_gap_a_double_and_an_outcome_off_the_grid_do_not() {
        for (due_ms, fault) in [
            (&[103_250, 123_250][..], "L: no outcome for 1970-01-01T00:01:53.25Z"),
            (&[103_250, 113_250], "L: no outcome for 1970-01-01T00:02:03.25Z"),
            (&[93_250, 113_250, 123_250], "L: no outcome for 1970-01-01T00:01:43.25Z"),
            (&[103_250, 113_250, 113_250, 123_250], "L: 2 outcomes for 1970-01-01T00:01:53.25Z"),
            (&[103_250, 113_250, 113_251, 123_250], "L: 1970-01-01T00:01:53.251Z is off its grid"),
        ] {
            let account = account(&outcomes(due_ms));
            assert_eq!(account.faults, [fault]);
            assert!(!account.closes());
        }
    }

    #[test]
    fn a_line_that_is_never_heard_of_does_not_and_nor_does_one_that_nobody_has() {
        let silent = account(&[]);
        assert_eq!((silent.due, silent.accounted), (3, 0));
        assert_eq!(silent.faults, ["L: no outcome at all"]);
        let mut said = outcomes(&[103_250, 113_250, 123_250]);
        said[1].line = "M".to_owned();
        assert!(account(&said).faults.contains(&"M: no such line".to_owned()));
    }

    #[test]
    fn a_recheck_stands_for_no_due_time() {
        let mut said = outcomes(&[103_250, 113_250, 117_000, 123_250]);
        said[2].is_scheduled = false;
        assert!(account(&said).closes());
        said[1].is_scheduled = false;
        assert!(!account(&said).closes());
    }
}
