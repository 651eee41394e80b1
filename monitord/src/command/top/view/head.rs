use std::fmt::Write;

use super::width::cut;
use crate::output::Paint;
use crate::report::plain;
use crate::status::Status;

/// The sums over everything, and what troubles sources and delivery.
pub(super) fn head(status: &Status, paint: Paint) -> Vec<String> {
    let Status { totals, process, fleet, .. } = status;
    let of = |states: &std::collections::BTreeMap<String, usize>, name: &str| {
        states.get(name).copied().unwrap_or(0)
    };
    let state = |name: &str| of(&totals.states, name);
    let colour = |count: usize, text: String| match count {
        0 => text,
        _ => paint.red(&text),
    };
    let (down, unknown) = (state("down"), state("unknown"));
    let unreachable = of(&totals.router_states, "unreachable");
    let time = process.now.get(11..19).unwrap_or("-");
    let mut rows = vec![
        format!(
            "{} {}  pid {}  {time} UTC  {} outcomes",
            paint.bold("monitord"),
            process.version,
            process.pid,
            totals.outcomes
        ),
        format!(
            "lines   {:>6}  up {}  degraded {}  {}  unknown {unknown}",
            totals.lines,
            state("up"),
            state("degraded"),
            colour(down, format!("down {down}")),
        ),
        format!(
            "routers {:>6}  {}  short {}  sessions {}{}  waiting {}  logins {}",
            totals.routers,
            colour(unreachable, format!("unreachable {unreachable}")),
            status.routers.iter().filter(|router| router.short).count(),
            fleet.sessions,
            fleet.sessions_max.map_or_else(String::new, |max| format!("/{max}")),
            status.routers.iter().map(|router| router.waiting).sum::<usize>(),
            fleet.logins_in_flight,
        ),
    ];
    rows.push(delivery(status, paint));
    for source in &status.inventory {
        if let Some(trouble) = &source.trouble {
            rows.push(paint.red(&cut(&plain(&format!("{}: {trouble}", source.source)), 78)));
        }
    }
    rows
}

/// Spool and Zabbix in one row.
fn delivery(status: &Status, paint: Paint) -> String {
    let mut text = String::new();
    match &status.spool {
        None => text.push_str("nothing is delivered to anybody"),
        Some(spool) => {
            let kind = if spool.is_durable { "on disk" } else { "in memory" };
            write!(text, "spool   {:>6}  {kind}", kib(spool.size_bytes)).ok();
            for sink in &spool.sinks {
                let held =
                    if sink.held > 0 { format!(", {} held", sink.held) } else { String::new() };
                write!(text, "  {} {} pending{held}", sink.sink, sink.pending).ok();
            }
        }
    }
    if let Some(trouble) = status.zabbix.as_ref().and_then(|zabbix| zabbix.trouble.as_deref()) {
        let short: String = plain(trouble).chars().take(30).collect();
        text += &format!("  {}", paint.red(&format!("zabbix: {short}")));
    }
    text
}

fn kib(bytes: i64) -> String {
    format!("{}K", bytes / 1024)
}
