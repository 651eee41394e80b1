//! What the running daemon knows of the line.

use std::fmt::Write;

use serde::Serialize;

use crate::report::{Table, plain};
use crate::status::{LineView, RecentView, RouterView, Status};

/// What the daemon knows, as far as it has to do with the line.
#[derive(Debug, Serialize)]
pub(super) struct Known {
    /// Absent when the daemon does not have it.
    line: Option<LineView>,
    router: Option<RouterView>,
}

impl Known {
    /// What `status` says of the line `id`.
    pub(super) fn of(status: Status, id: &str) -> Self {
        let line = status.lines.into_iter().find(|line| line.line == id);
        let is_its = |router: &RouterView| line.as_ref().is_some_and(|l| l.router == router.router);
        let router = status.routers.into_iter().find(is_its);
        Self { line, router }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Some(line) = &self.line else {
            return "the daemon has no such line: its inventory is another one (see `monitord doctor`)\n"
                .to_owned();
        };
        let mut text = String::new();
        let mut row = |name: &str, value: String| writeln!(text, "{name:<12} {value}").ok();
        let since = |at: &Option<String>| at.clone().unwrap_or_else(|| "-".to_owned());
        row("state", format!("{} since {}, {} flaps", line.state, since(&line.since), line.flaps));
        row("last check", format!("{} at {}", line.last_result, since(&line.last_outcome_at)));
        if let Some(error) = &line.last_error {
            row("last error", plain(error));
        }
        row("next due", format!("{}, every {} s", line.next_due_at, line.interval_s));
        if let Some(router) = &self.router {
            row(
                "router",
                format!("{} {} since {}", router.router, router.state, since(&router.since)),
            );
            row("sessions", sessions(router));
            row(
                "logins",
                format!("{} made, {} failed", router.created_total, router.create_failed_total),
            );
            for gate in &router.gates {
                let shut = if gate.shut_for_s.is_some() { "left alone" } else { "failing" };
                let next = gate.next_try_s;
                let error = plain(&gate.last_error);
                row(shut, format!("{} attempts, next in {next:.0} s: {error}", gate.attempts));
            }
            if let Some(shortage) = &router.shortage {
                row("short", shortage.clone());
            }
        }
        if !line.recent.is_empty() {
            text += &format!("\n{}", recent(&line.recent));
        }
        text
    }
}

fn sessions(router: &RouterView) -> String {
    let RouterView { in_use, idle, creating, closing, waiting, max, .. } = router;
    format!(
        "{in_use} in use, {idle} idle, {creating} being made, {closing} being closed, of {max}; \
         {waiting} wait"
    )
}

fn recent(recent: &[RecentView]) -> Table {
    let mut table = Table::new(["DUE", "TRIGGER", "RESULT", "LOSS", "RTT", "TOOK", "REASON"]);
    let shown = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}{unit}"))
    };
    for check in recent {
        let phase = check.phase.as_ref().map_or_else(String::new, |phase| format!(" in {phase}"));
        let reason = check.reason.as_ref().map(|reason| format!("{reason}{phase}"));
        table.row([
            check.scheduled_at.clone(),
            check.trigger.clone(),
            check.result.clone(),
            shown(check.loss_pct, "%"),
            shown(check.rtt_avg_ms, " ms"),
            shown(Some(check.duration_ms / 1000.0), " s"),
            reason.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table
}
