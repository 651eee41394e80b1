use tokio::time::Instant;

use super::Worker;
use crate::due::Due;
use crate::outbox::ReceiverGone;
use crate::timetable::Step;
use crate::{Line, Outcome, SkipReason};

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
