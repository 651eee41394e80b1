//! The account: every check that was due is in Zabbix once, or there is a reason why not. No input
//! or output.
//!
//! There are two witnesses beside Zabbix. The due times of a line are a grid on the wall clock, so
//! it is known which there were; and monitord prints each outcome as it hands it to the spool.

use std::collections::BTreeMap;

use serde_json::Value;

/// How far apart two clocks that tell the same moment may be: outcomes are printed in milliseconds.
const ROUNDING_MS: i64 = 1;
/// How long before a kill an outcome may have been printed and not been on the disk: a commit is
/// 20 ms away, and a loaded machine takes its time.
const COMMIT_MS: i64 = 1000;
/// How long before the end of a process a check may have been due without an outcome: it was under
/// way. The lab answers within a second, and a sick router within four.
const UNDER_WAY_MS: i64 = 6000;

/// One life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// When it worked, by its own clock.
    pub(super) start_ms: i64,
    /// When it worked, by the right clock.
    pub(super) started_ms: i64,
    /// When it was told to end, by its own clock.
    pub(super) end_ms: i64,
    /// When it was told to end, by the right clock.
    pub(super) ended_ms: i64,
    /// Whether it had no time to write anything.
    pub(super) killed: bool,
}

/// An outcome as it was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) line: String,
    /// Which life of the process it is of.
    pub(super) run: usize,
    /// When it came, by the right clock.
    pub(super) came_ms: i64,
    /// When it was due, if it was due at all; rechecks are not.
    pub(super) due_ms: Option<i64>,
    /// The moment that Zabbix is told.
    pub(super) moment_ms: i64,
    /// What Zabbix is told: the loss, an error, or nothing.
    pub(super) says: Says,
}

/// What an outcome or a value says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    Loss(String),
    Error,
    /// We stopped it ourselves.
    Nothing,
}

/// A value in Zabbix's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) line: String,
    pub(super) moment_ms: i64,
    pub(super) says: Says,
}

/// A step of the process's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// When, by the right clock.
    pub(super) at_ms: i64,
}

/// Where every check is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Due times there were.
    pub(super) due: u64,
    /// Of these, with an outcome that is in Zabbix.
    pub(super) delivered: u64,
    /// Of these, with an outcome that is nobody's business: the process was stopping.
    pub(super) untold: u64,
    /// Of these, under way or not on the disk yet when the process ended.
    pub(super) cut_off: u64,
    /// Of these, due while the process was down.
    pub(super) down: u64,
    /// Looks again outside the grid, all in Zabbix.
    pub(super) rechecks: u64,
    /// Values in Zabbix whose outcome was not printed any more.
    pub(super) unprinted: u64,
    /// Values under another moment than the outcome's, because the clock was set back meanwhile.
    pub(super) clamped: u64,
    /// Due times without an outcome or a reason.
    pub(super) missing: Vec<String>,
    /// Outcomes that are not in Zabbix, without a reason.
    pub(super) lost: Vec<String>,
    /// Values that are of no outcome.
    pub(super) surplus: Vec<String>,
}

impl Outcome {
    /// Reads an outcome as monitord prints it.
    pub(super) fn read(line: &Value, run: usize, came_ms: i64) -> Option<Self> {
        let at = |key: &str| {
            let text = line[key].as_str()?;
            Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
        };
        let scheduled_ms = at("scheduled_at")?;
        let is_ours = matches!(line["error"]["kind"].as_str(), Some("shutting_down" | "withdrawn"));
        let says = match line["loss_pct"].as_f64() {
            Some(loss) => Says::Loss(format!("{loss:.0}")),
            None if is_ours => Says::Nothing,
            None => Says::Error,
        };
        Some(Self {
            line: line["line"].as_str()?.to_owned(),
            run,
            came_ms,
            due_ms: (line["trigger"] == "schedule").then_some(scheduled_ms),
            moment_ms: at("started_at").unwrap_or(scheduled_ms),
            says,
        })
    }
}

/// Draws up the account.
pub(super) fn draw_up(
    runs: &[Run],
    steps: &[Step],
    interval_ms: i64,
    outcomes: &[Outcome],
    stored: &[Stored],
) -> Account {
    let mut account = Account::default();
    let mut by_line: BTreeMap<&str, (Vec<&Outcome>, Vec<&Stored>)> = BTreeMap::new();
    for outcome in outcomes {
        by_line.entry(&outcome.line).or_default().0.push(outcome);
    }
    for value in stored {
        by_line.entry(&value.line).or_default().1.push(value);
    }
    for (line, (outcomes, stored)) in by_line {
        let case = Case { line, runs, steps, interval_ms };
        case.count_due_times(&outcomes, &mut account);
        case.match_values(&outcomes, stored, &mut account);
    }
    account
}

/// One line.
struct Case<'a> {
    line: &'a str,
    runs: &'a [Run],
    steps: &'a [Step],
    interval_ms: i64,
}

impl Case<'_> {
    /// Every due time of a life of the process has an outcome, but for what was under way at its
    /// end. Between two lives are those that were due while it was down.
    fn count_due_times(&self, outcomes: &[&Outcome], account: &mut Account) {
        let mut last_before: Option<i64> = None;
        for (number, run) in self.runs.iter().enumerate() {
            let of_run = outcomes.iter().filter(|outcome| outcome.run == number);
            let mut due: Vec<(i64, i64)> =
                of_run.filter_map(|o| Some((o.due_ms?, o.came_ms))).collect();
            // By when they came: the clock may have gone back.
            due.sort_by_key(|(due, came)| (*came, *due));
            for pair in due.windows(2) {
                let [(before, came_before), (after, came_after)] = pair else { continue };
                // A step of the clock moves the grid, at the latest with the check after the next;
                // the time that passes stays about the same.
                let noticed_ms = self.interval_ms + UNDER_WAY_MS;
                let is_stepped = self.is_stepped(*came_before - noticed_ms, *came_after)
                    && came_after - came_before <= self.interval_ms * 2 + UNDER_WAY_MS;
                if after - before != self.interval_ms && !is_stepped {
                    let text = format!("{}: from {before} to {after} in run {number}", self.line);
                    account.missing.push(text);
                }
            }
            account.due += due.len() as u64;
            let Some((first, came_first)) = due.first().copied() else {
                if self.was_due_in(run) {
                    account.missing.push(format!("{}: nothing in run {number}", self.line));
                }
                continue;
            };
            let late = first - run.start_ms - self.interval_ms;
            if late > ROUNDING_MS && !self.is_stepped(came_first - self.interval_ms, came_first) {
                account.missing.push(format!("{}: begins {late} ms late in {number}", self.line));
            }
            if let Some(before) = last_before {
                self.count_between(before, first, self.runs[number - 1], account);
            }
            let (last, came_last) = due[due.len() - 1];
            let early = run.end_ms - last - self.interval_ms;
            let noticed_ms = self.interval_ms + UNDER_WAY_MS;
            if early > UNDER_WAY_MS
                && !self.is_stepped(came_last - noticed_ms, came_last + self.interval_ms * 2)
            {
                account.missing.push(format!("{}: ends {early} ms early in {number}", self.line));
            }
            last_before = Some(last);
        }
    }

    /// Those after `before` and before `after`: under way at the end of `run`, or due later.
    fn count_between(&self, before: i64, after: i64, run: Run, account: &mut Account) {
        let mut due = before + self.interval_ms;
        while due < after - ROUNDING_MS {
            account.due += 1;
            if due < run.end_ms {
                account.cut_off += 1
            } else {
                account.down += 1
            }
            due += self.interval_ms;
        }
    }

    fn match_values(&self, outcomes: &[&Outcome], stored: Vec<&Stored>, account: &mut Account) {
        let mut stored: Vec<Option<&Stored>> = stored.into_iter().map(Some).collect();
        let mut unmatched = Vec::new();
        for outcome in outcomes {
            if outcome.says == Says::Nothing {
                account.untold += u64::from(outcome.due_ms.is_some());
                continue;
            }
            let same = |value: &&mut Option<&Stored>| {
                value.is_some_and(|value| {
                    value.says == outcome.says
                        && (value.moment_ms - outcome.moment_ms).abs() <= ROUNDING_MS
                })
            };
            match stored.iter_mut().find(same) {
                Some(found) => {
                    *found = None;
                    self.count_delivered(outcome, account);
                }
                None => unmatched.push(*outcome),
            }
        }
        for outcome in unmatched {
            let came = outcome.came_ms;
            let clamped = |value: &&mut Option<&Stored>| {
                value.is_some_and(|v| v.says == outcome.says && v.moment_ms < outcome.moment_ms)
            };
            if self.is_stepped(came - self.interval_ms, came)
                && let Some(found) = stored.iter_mut().find(clamped)
            {
                *found = None;
                account.clamped += 1;
                self.count_delivered(outcome, account);
            } else if self.is_before_a_kill(outcome) {
                account.cut_off += u64::from(outcome.due_ms.is_some());
            } else {
                account.lost.push(format!("{outcome:?}"));
            }
        }
        for value in stored.into_iter().flatten() {
            let is_cut =
                |run: &&Run| run.killed && (value.moment_ms - run.end_ms).abs() <= UNDER_WAY_MS;
            if self.runs.iter().any(|run| is_cut(&run)) {
                account.unprinted += 1;
            } else {
                account.surplus.push(format!("{value:?}"));
            }
        }
    }

    fn count_delivered(&self, outcome: &Outcome, account: &mut Account) {
        match outcome.due_ms {
            Some(_) => account.delivered += 1,
            None => account.rechecks += 1,
        }
    }

    /// Whether a life was so long that it had a due time and the time for its check. A step of the
    /// clock moves the first one, once by the old grid and then by the new.
    fn was_due_in(&self, run: &Run) -> bool {
        let in_run = |at: &i64| (run.started_ms..=run.ended_ms).contains(at);
        let stepped_ms = self.steps.iter().map(|step| step.at_ms).filter(in_run).max();
        let (since_ms, intervals) = stepped_ms.map_or((run.started_ms, 1), |at_ms| (at_ms, 2));
        run.ended_ms - since_ms > self.interval_ms * intervals + UNDER_WAY_MS
    }

    fn is_stepped(&self, from_ms: i64, to_ms: i64) -> bool {
        self.steps.iter().any(|step| (from_ms..=to_ms).contains(&step.at_ms))
    }

    fn is_before_a_kill(&self, outcome: &Outcome) -> bool {
        let run = self.runs[outcome.run];
        run.killed && (outcome.came_ms - run.ended_ms).abs() <= COMMIT_MS
    }
}

impl Account {
    /// Whether nothing is lost, missing or too many.
    pub(super) fn closes(&self) -> bool {
        let accounted = self.delivered + self.untold + self.cut_off + self.down;
        self.missing.is_empty()
            && self.lost.is_empty()
            && self.surplus.is_empty()
            && accounted == self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL_MS: i64 = 10_000;

    fn run(start_ms: i64, end_ms: i64, killed: bool) -> Run {
        Run { start_ms, started_ms: start_ms, end_ms, ended_ms: end_ms, killed }
    }

    fn outcome(run: usize, due_ms: i64) -> Outcome {
        Outcome {
            line: "L".to_owned(),
            run,
            came_ms: due_ms + 200,
            due_ms: Some(due_ms),
            moment_ms: due_ms + 3,
            says: Says::Loss("0".to_owned()),
        }
    }

    fn stored(outcome: &Outcome) -> Stored {
        let Outcome { line, moment_ms, says, .. } = outcome.clone();
        Stored { line, moment_ms, says }
    }

    fn account(runs: &[Run], outcomes: &[Outcome], values: &[Stored]) -> Account {
        draw_up(runs, &[], INTERVAL_MS, outcomes, values)
    }

    /// Six outcomes of a life that was killed, and five of the next, which came 21 s later.
    fn two_lives() -> ([Run; 2], Vec<Outcome>, Vec<Stored>) {
        let runs = [run(0, 58_000, true), run(79_000, 130_000, false)];
        let first = (0..6).map(|n| outcome(0, n * INTERVAL_MS + 5000));
        let second = (8..13).map(|n| outcome(1, n * INTERVAL_MS + 5000));
        let outcomes: Vec<_> = first.chain(second).collect();
        let values = outcomes.iter().map(stored).collect();
        (runs, outcomes, values)
    }

    #[test]
    fn what_was_due_while_the_process_was_down_is_counted_and_the_rest_is_there() {
        let (runs, outcomes, values) = two_lives();
        let account = account(&runs, &outcomes, &values);
        assert_eq!((account.due, account.delivered, account.down), (13, 11, 2));
        assert!(account.closes(), "{account:#?}");
    }

    #[test]
    fn one_lost_one_twice_and_one_never_carried_out_are_all_noticed() {
        let (runs, outcomes, values) = two_lives();
        let lost = account(&runs, &outcomes, &values[1..]);
        assert!(lost.lost.len() == 1 && !lost.closes(), "{lost:#?}");
        let mut twice = values.clone();
        twice.push(Stored { moment_ms: values[1].moment_ms + 50, ..values[1].clone() });
        let twice = account(&runs, &outcomes, &twice);
        assert!(twice.surplus.len() == 1 && !twice.closes(), "{twice:#?}");
        let (mut fewer, mut values) = (outcomes.clone(), values.clone());
        fewer.remove(2);
        values.remove(2);
        let never = account(&runs, &fewer, &values);
        assert!(never.missing.len() == 1 && !never.closes(), "{never:#?}");
    }

    #[test]
    fn what_was_printed_in_the_moment_of_a_kill_may_be_lost_and_is_counted() {
        let (runs, mut outcomes, mut values) = two_lives();
        let runs = [Run { end_ms: 55_400, ended_ms: 55_400, ..runs[0] }, runs[1]];
        values.remove(5);
        let cut = account(&runs, &outcomes, &values);
        assert_eq!((cut.cut_off, cut.delivered, cut.closes()), (1, 10, true), "{cut:#?}");
        // It may also be there, and not have been printed.
        let ghost = stored(&outcomes.remove(5));
        values.push(ghost);
        let ghost = account(&runs, &outcomes, &values);
        assert_eq!((ghost.cut_off, ghost.unprinted, ghost.closes()), (1, 1, true), "{ghost:#?}");
    }

    #[test]
    fn a_life_without_an_outcome_must_have_been_short_since_the_last_step_of_the_clock() {
        let outcomes = [outcome(1, 65_000), outcome(1, 75_000)];
        let values: Vec<_> = outcomes.iter().map(stored).collect();
        let closes = |end_ms: i64, steps: &[i64]| {
            let runs = [run(0, end_ms, true), run(60_000, 80_000, false)];
            let steps: Vec<_> = steps.iter().map(|at_ms| Step { at_ms: *at_ms }).collect();
            draw_up(&runs, &steps, INTERVAL_MS, &outcomes, &values).closes()
        };
        assert!(closes(15_000, &[]) && !closes(17_000, &[]));
        assert!(closes(35_000, &[5_000, 10_000]) && !closes(37_000, &[5_000, 10_000]));
        assert!(!closes(37_000, &[50_000]), "a step in another life is no reason");
    }

    #[test]
    fn a_step_of_the_clock_moves_the_grid_and_excuses_nothing_else() {
        let runs = [run(0, 60_000, false)];
        let mut outcomes: Vec<_> = (0..6).map(|n| outcome(0, n * INTERVAL_MS + 5000)).collect();
        for outcome in &mut outcomes[3..] {
            outcome.due_ms = outcome.due_ms.map(|due| due - 40_000);
            outcome.moment_ms -= 40_000;
        }
        let values: Vec<_> = outcomes.iter().map(stored).collect();
        let draw = |steps: &[Step]| draw_up(&runs, steps, INTERVAL_MS, &outcomes, &values);
        let stepped = draw(&[Step { at_ms: 30_000 }, Step { at_ms: 57_000 }]);
        assert!(stepped.closes(), "{stepped:#?}");
        assert!(!draw(&[]).closes());
    }
}
