//! What is wrong with lines whose router gives sessions, and with lines that cannot be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::finding::{Finding, counted};
use super::routers::is_failing;
use crate::status::{LineView, Status};

/// How much later than two intervals an outcome may come before it is missed.
const LATE_MAX: Duration = Duration::from_secs(60);
/// How far ahead of the clock an outcome may be before the clock is to blame.
const AHEAD_MAX: Duration = Duration::from_secs(5);

pub(super) fn judge(status: &Status, findings: &mut Vec<Finding>) {
    let failing: BTreeSet<_> =
        status.routers.iter().filter(|r| is_failing(r)).map(|r| r.router.as_str()).collect();
    let nowhere: BTreeSet<_> =
        status.routers.iter().filter(|r| r.address.is_empty()).map(|r| r.router.as_str()).collect();
    let rest: Vec<_> = status
        .lines
        .iter()
        .filter(|l| !failing.contains(l.router.as_str()) && !nowhere.contains(l.router.as_str()))
        .collect();
    down(status, &rest, findings);
    without_figures(&rest, findings);
    unresolved(status, findings);
    missed(status, &rest, findings);
}

/// Lines on which nothing, or not everything, comes back, from routers that say so.
fn down(status: &Status, lines: &[&LineView], findings: &mut Vec<Finding>) {
    for (state, what, next) in [
        (
            "down",
            "down: the router answers, the far end does not",
            "it is the line, its far end, or the path between: look at the routers' interfaces, and \
             at what these lines have in common; `monitord check-now LINE` asks again",
        ),
        (
            "degraded",
            "degraded: some packets are lost",
            "look at load and errors of the routers' interfaces; `monitord debug LINE` shows the ping",
        ),
    ] {
        let count = status.totals.states.get(state).copied().unwrap_or(0);
        if count == 0 {
            continue;
        }
        let shown = lines.iter().filter(|line| line.state == state);
        let details = shown.map(|line| {
            let since = line.since.as_deref().unwrap_or("-");
            let loss = line.loss_pct.map_or_else(String::new, |loss| format!(", {loss} % lost"));
            format!("{} to {} from {}: since {since}{loss}", line.line, line.target, line.router)
        });
        let details = details.collect();
        let verb = if count == 1 { "is" } else { "are" };
        let what = format!("{} {verb} {what}", counted(count, "line"));
        findings.push(Finding::warning("line", what).of_lines(count).with(details).next(next));
    }
}

/// Lines that were tried on a session and gave no figures, by how that failed.
fn without_figures(lines: &[&LineView], findings: &mut Vec<Finding>) {
    let mut groups: BTreeMap<&str, Vec<&LineView>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.last_result == "failed") {
        let error = line.last_error.as_deref().unwrap_or("unknown");
        groups.entry(error.split(": ").next().unwrap_or(error)).or_default().push(line);
    }
    for (how, lines) in groups {
        let what = format!(
            "{} without figures, though the router answers: {how}",
            counted(lines.len(), "line")
        );
        let detail = |line: &&LineView| {
            format!(
                "{} from {}: {}",
                line.line,
                line.router,
                line.last_error.as_deref().unwrap_or("-")
            )
        };
        let details = lines.iter().map(detail).collect();
        let next = "`monitord debug LINE` shows what the router says, and how it is read; see \"A line \
                    has no figures\" in docs/troubleshooting.md";
        let count = lines.len();
        findings.push(Finding::problem("line", what).of_lines(count).with(details).next(next));
    }
}

/// Lines that cannot be checked, by reason.
fn unresolved(status: &Status, findings: &mut Vec<Finding>) {
    for view in &status.unresolved {
        let what = format!("{} cannot be checked: {}", counted(view.lines, "line"), view.reason);
        let next = "correct the macros of the host in Zabbix, or add an entry to `credentials`; \
                    `monitord validate` names every such line";
        let details = vec![format!("the first is {}", view.first)];
        let finding = Finding::problem("unresolved", what).of_lines(view.lines);
        findings.push(finding.with(details).next(next));
    }
}

/// Lines that should have had an outcome by now, and outcomes that are ahead of the clock.
fn missed(status: &Status, lines: &[&LineView], findings: &mut Vec<Finding>) {
    let Ok(now) = status.process.now.parse::<Timestamp>() else { return };
    let started: Timestamp = status.process.started_at.parse().unwrap_or(now);
    let (mut late, mut ahead) = (Vec::new(), Vec::new());
    for line in lines {
        let last = line.last_outcome_at.as_deref().and_then(|at| at.parse().ok());
        let patience = Duration::from_secs(line.interval_s).saturating_mul(2) + LATE_MAX;
        let quiet = now.duration_since(last.unwrap_or(started));
        if Duration::try_from(quiet).is_ok_and(|quiet| quiet > patience) {
            let last = line.last_outcome_at.as_deref().unwrap_or("never");
            late.push(format!("{} from {}: last {last}", line.line, line.router));
        }
        let lead = last.map(|last| last.duration_since(now)).unwrap_or_default();
        if Duration::try_from(lead).is_ok_and(|lead| lead > AHEAD_MAX) {
            ahead.push(format!(
                "{}: {}",
                line.line,
                line.last_outcome_at.as_deref().unwrap_or("-")
            ));
        }
    }
    if !late.is_empty() {
        let what =
            format!("{} had no outcome for more than two intervals", counted(late.len(), "line"));
        let next = "this must not be: look at the log and the machine's CPU, and send both";
        findings
            .push(Finding::problem("schedule", what).of_lines(late.len()).with(late).next(next));
    }
    if !ahead.is_empty() {
        let what = "outcomes are ahead of the clock, which was set back";
        let next = "look at the machine's time synchronisation (`timedatectl`)";
        findings.push(Finding::warning("clock", what).of_lines(ahead.len()).with(ahead).next(next));
    }
}
