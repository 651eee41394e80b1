use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::Worker;
use super::asked::Asked;
use super::news::{tell_of_check, tell_of_line};
use super::run::Run;
use crate::check::Ended;
use crate::state::{LineNews, Sight};
use crate::{CheckResult, Failure, FailureKind, Outcome, SkipReason, Trigger};

/// How soon a line is looked at again whose state is in doubt.
const RECHECK_AFTER: Duration = Duration::from_secs(3);

impl Worker {
    /// Takes in a check that has ended, in whatever way.
    pub(super) fn end(&mut self, run: Run, ended: Result<Ended, JoinError>) {
        let mut outcome = match ended {
            Ok(Ended::Outcome(outcome, held)) => {
                self.held = held;
                *outcome
            }
            Ok(Ended::Superseded) => return self.put_back(run),
            Err(error) => broken_off(&run, &error),
        };
        outcome.trigger = run.trigger;
        if outcome.started_at.is_some() {
            self.capacity.checked(outcome.duration);
        }
        self.learn(&run, &mut outcome);
        tell_of_check(&outcome);
        self.timetable.end(run.index, Instant::now());
        let answers = run.asked.iter().flat_map(Asked::answers);
        answers.for_each(|answer| answer.send(&outcome));
        self.outbox.push(outcome);
    }

    /// A check is to begin again. A second look, which was not due, need not be taken again.
    fn put_back(&mut self, run: Run) {
        match run.trigger {
            Trigger::Schedule => self.timetable.put_back(run.index, run.due),
            Trigger::Recheck | Trigger::CheckNow => self.timetable.end(run.index, Instant::now()),
        }
        if let Some(asked) = run.asked {
            self.asked.put_back(asked);
        }
    }

    /// Takes in what an outcome says of line and router, and says it once if it is news.
    fn learn(&mut self, run: &Run, outcome: &mut Outcome) {
        let (sight, at) = (Sight::of(outcome), outcome.scheduled_at);
        let was = self.router.see(sight, at);
        outcome.router_status = self.router.status();
        if let Some(was) = was {
            self.tell_of_router(was, outcome);
        }
        let health = &mut self.health[run.index];
        let news = health.see(sight, at);
        outcome.line_status = health.status();
        match news {
            LineNews::Changed { from, to } => tell_of_line(outcome, from, to),
            LineNews::Doubted if sight != Sight::NoSession && self.inbox.is_some() => {
                if self.rechecks.iter().any(|(_, index, _)| *index == run.index) {
                    return;
                }
                let again = (Instant::now() + RECHECK_AFTER, run.index, run.line.clone());
                self.rechecks.push_back(again);
            }
            _ => {}
        }
    }
}

/// The outcome of a check that did not come to its own end.
fn broken_off(run: &Run, error: &JoinError) -> Outcome {
    let Run { line, site, due, .. } = run;
    if error.is_cancelled() {
        return site.skipped(line, due.wall, SkipReason::Withdrawn);
    }
    tracing::error!(router = %site.router.name, line = %line.id, "a check panicked");
    let message = "the check panicked; the message is in the log".to_owned();
    let failure = Failure { kind: FailureKind::Panicked, phase: None, message, io: None };
    Outcome {
        started_at: Some(run.started_at),
        duration: run.began.elapsed(),
        result: CheckResult::Failed(failure),
        ..site.skipped(line, due.wall, SkipReason::ShuttingDown)
    }
}
