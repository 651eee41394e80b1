use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::Worker;
use super::asked::Asked;
use super::run::Run;
use crate::check::Terms;
use crate::due::Due;
use crate::look::Look;
use crate::{Line, Trigger};

/// How much more time than it needs a check that is not due must have until its line is: for a new
/// session, and so that it never makes the line miss its due time.
const EXTRA_SLACK: Duration = Duration::from_secs(2);

impl Worker {
    pub(super) fn start_checks(&mut self) {
        while self.has_capacity()
            && let Some((index, due)) = self.timetable.start()
        {
            self.start_check(index, due, Trigger::Schedule, None, None);
        }
    }

    /// Preloads sessions when it is this router's turn, beside everything else. The pool counts
    /// them as any others.
    pub(super) fn start_preload(&mut self) {
        if self.preload.as_ref().is_some_and(AbortOnDropHandle::is_finished) {
            self.preload = None;
        }
        if self.preload_at.is_some_and(|at| at <= Instant::now()) {
            self.preload_at = None;
            let preload = tokio::spawn(self.site.clone().preload());
            self.preload = Some(AbortOnDropHandle::new(preload));
        }
    }

    pub(super) fn has_capacity(&self) -> bool {
        let checks_max = self.site.router.connection.max_connections.max(1);
        let is_paced = self.pace.wait(Instant::now()).is_none();
        is_paced && self.outbox.has_room() && self.runs.len() < checks_max
    }

    /// Looks again at lines whose state is in doubt, as long as that takes nothing from lines that
    /// are due: what cannot be done now is left to the next due time.
    pub(super) fn start_rechecks(&mut self) {
        let now = Instant::now();
        while let Some((at, ..)) = self.rechecks.front()
            && *at <= now
            && self.pace.wait(now).is_none()
            && let Some((_, index, line)) = self.rechecks.pop_front()
        {
            let is_same = self.timetable.line(index).is_some_and(|known| Arc::ptr_eq(known, &line));
            if !is_same || self.timetable.has_ready() || !self.has_capacity() {
                continue;
            }
            let Some(needed) = self.time_for_extra(&line) else { continue };
            let Some(free) = self.timetable.start_early(index, now, needed) else { continue };
            let due = Due { instant: now, wall: self.site.clock.now() };
            self.start_check(index, due, Trigger::Recheck, Some(free), None);
        }
    }

    /// How long before its due time a line may still be checked beside its rhythm.
    pub(super) fn time_for_extra(&self, line: &Line) -> Option<Duration> {
        Some(self.site.time_needed(line)? + EXTRA_SLACK)
    }

    pub(super) fn start_check(
        &mut self,
        index: usize,
        due: Due,
        trigger: Trigger,
        limit: Option<Duration>,
        asked: Option<Asked>,
    ) {
        let Some(line) = self.timetable.line(index).cloned() else { return };
        let (site, started_at) = (self.site.clone(), self.site.clock.now());
        self.pace.begin(Instant::now());
        let held = self.held.take().filter(|held| held.may_go_on(&site, Instant::now()));
        let is_down = trigger == Trigger::Schedule && self.health[index].is_surely_down();
        let look =
            if is_down { Look::at_down(&site, index, line.interval, due) } else { Look::Full };
        let terms = Terms { scheduled_at: due.wall, limit, look, held };
        let check = {
            let (site, line) = (site.clone(), line.clone());
            // So that what pool and drivers say is known to be about this line.
            let span = tracing::debug_span!("check", router = %site.router.name, line = %line.id);
            async move { site.check(&line, terms).await }.instrument(span)
        };
        let began = Instant::now();
        let run = Run { index, line, site, due, trigger, asked, started_at, began };
        self.runs.spawn(run, check);
    }
}
