use tokio::time::Instant;

use super::Worker;
use crate::capacity::{Demand, Supply, Verdict};
use crate::{CheckResult, LineState, Measurement, Outcome, Router, RouterState};

impl Worker {
    /// Says once when the router does not keep up with its lines, and what would fit, and once
    /// when it does again.
    pub(super) fn judge_capacity(&mut self) {
        let now = Instant::now();
        if self.inbox.is_none() || !self.capacity.may_be_over(now) {
            return;
        }
        let demand = Demand::of(self.timetable.lines().map(|line| line.interval.as_duration()));
        let Router { name, connection, rules, .. } = &self.site.router;
        let (router, lines) = (name.as_str(), demand.lines);
        let (sessions, per_minute_max) = (connection.max_connections, rules.per_minute_max);
        match self.capacity.judge(now, demand, Supply { sessions, per_minute_max }) {
            Verdict::Same => {}
            Verdict::Short(shortage) => {
                let down = self.health.iter().filter(|line| line.is_surely_down()).count();
                let hint = (down > 0 && !rules.first_look).then_some("checks.first_look");
                tracing::warn!(router, lines, down, %shortage, hint, "router does not keep up");
            }
            Verdict::Enough => tracing::info!(router, lines, "router keeps up again"),
        }
        self.router.set_short(self.capacity.shortage());
    }

    pub(super) fn tell_of_router(&self, was: RouterState, outcome: &Outcome) {
        let (router, lines) = (self.site.router.name.as_str(), self.health.len());
        match &outcome.result {
            CheckResult::Failed(failure)
                if self.router.status().state == RouterState::Unreachable =>
            {
                let phase = failure.phase.map(tracing::field::display);
                let (kind, cause) = (failure.kind.as_str(), &failure.message);
                tracing::warn!(router, lines, kind, phase, cause, "router unreachable");
            }
            _ if was == RouterState::Unreachable => {
                tracing::info!(router, lines, "router reachable again");
            }
            _ => {}
        }
    }
}

/// A line changed its state: the one thing about its checks that is worth a message.
pub(super) fn tell_of_line(outcome: &Outcome, from: LineState, to: LineState) {
    let (line, router) = (outcome.line.as_str(), outcome.router.as_str());
    match &outcome.result {
        CheckResult::Measured(figures) => {
            let loss_pct = figures.ping().map(Measurement::loss_pct);
            tracing::info!(line, router, %from, %to, loss_pct, "line changed");
        }
        CheckResult::Failed(failure) => {
            let phase = failure.phase.map(tracing::field::display);
            let (kind, cause) = (failure.kind.as_str(), &failure.message);
            tracing::info!(line, router, %from, %to, kind, phase, cause, "line changed");
        }
        CheckResult::Skipped(_) => {}
    }
}

/// How a check ended: for whoever looks at this line or router alone.
pub(super) fn tell_of_check(outcome: &Outcome) {
    let (line, router) = (outcome.line.as_str(), outcome.router.as_str());
    let Outcome { duration, wait, reused, .. } = outcome;
    match &outcome.result {
        CheckResult::Measured(figures) => {
            let loss_pct = figures.ping().map(Measurement::loss_pct);
            tracing::debug!(line, router, loss_pct, ?duration, ?wait, reused, "check measured");
        }
        CheckResult::Failed(failure) => {
            let phase = failure.phase.map(tracing::field::display);
            let (kind, cause) = (failure.kind.as_str(), &failure.message);
            tracing::debug!(line, router, kind, phase, cause, ?duration, ?wait, "check failed");
        }
        CheckResult::Skipped(reason) => {
            tracing::debug!(line, router, reason = reason.as_str(), "check skipped");
        }
    }
}
