//! What is wrong with sources, sinks and the process itself.

use std::time::Duration;

use jiff::Timestamp;

use super::finding::{Finding, counted};
use crate::status::{SpoolView, Status};

/// How old what waits may be before it is said. Delivery takes seconds.
const WAITING_MAX: Duration = Duration::from_secs(300);

pub(super) fn judge(status: &Status, findings: &mut Vec<Finding>) {
    sources(status, findings);
    zabbix(status, findings);
    if let Some(spool) = &status.spool {
        waiting(status, spool, findings);
        lost(spool, findings);
    }
    descriptors(status, findings);
    if status.totals.lines == 0 {
        let next =
            "declare lines in the configuration, or give hosts of the proxy in Zabbix the tag";
        findings.push(Finding::problem("inventory", "there is no line to check").next(next));
    }
}

fn sources(status: &Status, findings: &mut Vec<Finding>) {
    for source in &status.inventory {
        let Some(trouble) = &source.trouble else { continue };
        let what = format!("the inventory from {} is not followed: {trouble}", source.source);
        let details = vec![format!(
            "since {}; what it said at {} goes on, {}",
            source.since,
            source.as_of,
            counted(source.lines, "line")
        )];
        let next = if source.source == "zabbix" {
            "`monitord validate` asks the API, and says what it answers; if lines are meant to be \
             gone, send SIGHUP to confirm"
        } else {
            "`monitord validate --offline` says what is wrong with the file; if lines are meant to be \
             gone, send SIGHUP to confirm"
        };
        findings.push(Finding::problem("inventory", what).with(details).next(next));
    }
}

fn zabbix(status: &Status, findings: &mut Vec<Finding>) {
    let Some(zabbix) = &status.zabbix else { return };
    if let Some(trouble) = &zabbix.trouble {
        let what = format!("values do not reach Zabbix at {}: {trouble}", zabbix.address);
        let since = zabbix.trouble_since.as_deref().unwrap_or("-");
        let lines = status.totals.lines;
        let next = "`monitord validate` tries the connection; values wait, and are delivered later";
        let details = vec![format!("since {since}")];
        findings.push(Finding::problem("zabbix", what).of_lines(lines).with(details).next(next));
    }
}

fn waiting(status: &Status, spool: &SpoolView, findings: &mut Vec<Finding>) {
    let now: Option<Timestamp> = status.process.now.parse().ok();
    for sink in &spool.sinks {
        let oldest = sink.oldest_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
        let age = now.zip(oldest).map(|(now, oldest)| now.duration_since(oldest));
        let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
        let held = usize::try_from(sink.held).unwrap_or(0);
        if age > WAITING_MAX && held == 0 {
            let what = format!(
                "{} outcomes wait for {}, the oldest for {} s",
                sink.pending,
                sink.sink,
                age.as_secs()
            );
            let next = "the sink is away or too slow: see the finding about it, and the log";
            findings.push(Finding::problem("spool", what).next(next));
        }
    }
    if !spool.is_durable && spool.sinks.iter().any(|sink| sink.pending > 0) {
        let what = "what waits for delivery would be lost with the process";
        let next = "set spool.directory; if it is set, the disk refuses it: see the log";
        findings.push(Finding::warning("spool", what).next(next));
    }
}

fn lost(spool: &SpoolView, findings: &mut Vec<Finding>) {
    if !spool.lost.is_empty() {
        let each = spool.lost.iter().map(|(reason, count)| format!("{count} for {reason}"));
        let each = each.collect::<Vec<_>>().join(", ");
        let what = format!("outcomes were dropped before they were delivered: {each}");
        let next = "age and size: raise spool.age_max and spool.size_max, or mend the sink sooner; \
                    disk, busy and damaged: look at the disk";
        findings.push(Finding::warning("spool", what).next(next));
    }
    if spool.write_failures > 0 {
        let what =
            format!("the disk refused the spool {} times since the start", spool.write_failures);
        let next = "look at the room and the health of the disk of spool.directory";
        findings.push(Finding::warning("spool", what).next(next));
    }
}

fn descriptors(status: &Status, findings: &mut Vec<Finding>) {
    let process = &status.process;
    let (Some(open), Some(max)) = (process.descriptors, process.descriptors_max) else { return };
    if open.saturating_mul(5) > max.saturating_mul(4) {
        let what = format!("{open} of {max} file descriptors are in use");
        let next =
            "raise the limit (LimitNOFILE= of systemd, ulimit -n), or set fleet.sessions_max";
        findings.push(Finding::problem("descriptors", what).next(next));
    }
}
