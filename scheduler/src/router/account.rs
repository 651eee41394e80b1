use tokio::time::Instant;

use super::Worker;
use super::asked::Asked;
use crate::check::Site;
use crate::due::Due;
use crate::outbox::ReceiverGone;
use crate::timetable::Step;
use crate::{CheckResult, Failure, FailureKind, Line, Outcome, SkipReason};

impl Worker {
    /// Lines up what is due, as long as there is room for what may have to be skipped.
    pub(super) fn handle_due(&mut self) {
        let now = Instant::now();
        while self.outbox.has_room()
            && let Some(step) = self.timetable.step(now)
        {
            self.note(step);
        }
    }

    fn note(&mut self, step: Step) {
        if let Step::Skipped(index, line, due, reason) = step {
            if reason == SkipReason::Overrun {
                self.capacity.overrun();
            }
            self.push_skipped(index, &line, due, reason);
        }
    }

    fn push_skipped(&mut self, index: usize, line: &Line, due: Due, reason: SkipReason) {
        let (line_status, router_status) = (self.health[index].status(), self.router.status());
        let skipped = self.site.skipped(line, due.wall, reason);
        self.outbox.push(Outcome { line_status, router_status, ..skipped });
    }

    /// Brings every due time that has come to its outcome: checks that have ended are delivered,
    /// those in flight are cancelled, and those that wait are not begun.
    pub(super) async fn shut_down(mut self) {
        // As the receiver goes away first only if nobody wants the outcomes, that is no fault.
        self.account_for_all().await.ok();
    }

    /// A mistake of ours has stopped the worker: every due time that has come has an outcome that
    /// says so. Nothing of what decides otherwise is trusted any more.
    pub(super) async fn break_down(&mut self) {
        let now = Instant::now();
        self.held = None;
        for run in self.runs.take_all() {
            let started_at = Some(run.started_at);
            let duration = run.began.elapsed();
            let outcome = broken_down(&run.site, &run.line, run.due);
            let outcome = Outcome { started_at, duration, trigger: run.trigger, ..outcome };
            run.asked.iter().flat_map(Asked::answers).for_each(|answer| answer.send(&outcome));
            self.outbox.push(outcome);
            // Its later due times may have come too.
            self.timetable.end(run.index, now);
        }
        while let Some(step) = self.timetable.step(now) {
            self.note(step);
        }
        while let Some((index, due)) = self.timetable.start() {
            let Some(line) = self.timetable.line(index) else { continue };
            self.outbox.push(broken_down(&self.site, line, due));
        }
        // As at a shutdown, a receiver that is gone does not want them.
        self.outbox.send_all().await.ok();
    }

    async fn account_for_all(&mut self) -> Result<(), ReceiverGone> {
        let now = Instant::now();
        while let Some((run, ended)) = self.runs.next().await {
            self.end(run, ended);
            self.held = None;
            self.outbox.send_all().await?;
        }
        while let Some(step) = self.timetable.step(now) {
            self.note(step);
            self.outbox.send_all().await?;
        }
        while let Some((index, due)) = self.timetable.start() {
            let Some(line) = self.timetable.line(index) else { continue };
            let line = line.clone();
            self.push_skipped(index, &line, due, SkipReason::ShuttingDown);
            self.outbox.send_all().await?;
        }
        // What had been waiting before, if nothing else came.
        self.outbox.send_all().await
    }
}

/// The outcome of a check whose router's worker broke down.
fn broken_down(site: &Site, line: &Line, due: Due) -> Outcome {
    let message = "the router's worker broke down; the message is in the log".to_owned();
    let failure = Failure { kind: FailureKind::Panicked, phase: None, message, io: None };
    let result = CheckResult::Failed(failure);
    Outcome { result, ..site.skipped(line, due.wall, SkipReason::ShuttingDown) }
}
