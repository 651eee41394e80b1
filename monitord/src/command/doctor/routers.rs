//! What is wrong with routers: no session can be had, or too few.

use std::collections::BTreeMap;

use super::finding::{Finding, counted};
use crate::status::{GateView, LineView, RouterView, Status};

/// What to do about a login that fails with this kind, in this phase.
const ADVICE: &[(&str, &str, &str)] = &[
    (
        "Connect",
        "",
        "reach it from this machine (`nc -vz ADDRESS 22`): it is down, its access list lacks this machine, or no route leads there",
    ),
    ("Resolve", "", "its name has no address: look at the DNS, or write an address"),
    (
        "Authentication",
        "",
        "wrong user, password or key: correct the credentials, then `monitord debug LINE`; it is left alone meanwhile, so that the account is not locked",
    ),
    (
        "HostKey",
        "",
        "it shows another key than before: if it was replaced, `ssh-keygen -R` it in known_hosts or update the pinned host_key; if not, somebody may be in between",
    ),
    (
        "Protocol",
        "key_exchange",
        "no algorithm in common, or a broken key exchange: `algorithms: legacy` for old routers; `monitord debug LINE` shows what was agreed on",
    ),
    (
        "Busy",
        "",
        "its VTY lines are taken: lower max_connections, or give monitord's user lines of its own",
    ),
    ("Disconnected", "", "it hung up: its own log says why; often a login limit or an access list"),
    ("DeadlineExceeded", "connect", "nothing answers: it is down, or a firewall drops the packets"),
    (
        "DeadlineExceeded",
        "banner",
        "it accepts and then says nothing: its SSH process hangs, or its CPU is busy",
    ),
    (
        "DeadlineExceeded",
        "key_exchange",
        "it is too slow at the key exchange: its CPU is busy; raise connect_timeout only if `monitord debug LINE` succeeds slowly",
    ),
    ("DeadlineExceeded", "authentication", "it waits for its AAA server: that is away or slow"),
    (
        "DeadlineExceeded",
        "prompt",
        "logged in, and no prompt was recognised: `monitord debug LINE` shows what came",
    ),
    (
        "Local",
        "",
        "it went wrong on this machine, not at the router: look at the message (descriptors, threads, files)",
    ),
    ("", "", "`monitord debug LINE` shows how far it gets, and what is said"),
];

pub(super) fn advice(kind: &str, phase: Option<&str>) -> &'static str {
    let fits = |known: &str, is: &str| known.is_empty() || known == is;
    let found = ADVICE.iter().find(|(k, p, _)| fits(k, kind) && fits(p, phase.unwrap_or("")));
    found.map_or("", |(_, _, advice)| advice)
}

/// Whether sessions of it cannot be had.
pub(super) fn is_failing(router: &RouterView) -> bool {
    router.state == "unreachable" || !router.gates.is_empty()
}

/// Routers that cannot be logged in to, by how that fails.
pub(super) fn failing(status: &Status, findings: &mut Vec<Finding>) {
    let mut groups: BTreeMap<(String, Option<String>), Vec<&RouterView>> = BTreeMap::new();
    let real = status.routers.iter().filter(|router| !router.address.is_empty());
    for router in real.filter(|router| is_failing(router)) {
        groups.entry(how(router, &status.lines)).or_default().push(router);
    }
    for ((kind, phase), routers) in groups {
        let lines = routers.iter().map(|router| router.lines).sum();
        let place = phase.as_ref().map_or_else(String::new, |phase| format!(" in {phase}"));
        let verb = if routers.len() == 1 { "gives" } else { "give" };
        let what = format!(
            "{} {verb} no session: {kind}{place}; {}",
            counted(routers.len(), "router"),
            counted(lines, "line")
        );
        let details = routers.iter().map(|router| detail(router, &status.lines)).collect();
        let next = advice(&kind, phase.as_deref());
        findings.push(Finding::problem("router", what).of_lines(lines).with(details).next(next));
    }
}

/// Kind and phase of the failure: by the pool, or by the last outcome of one of its lines.
fn how(router: &RouterView, lines: &[LineView]) -> (String, Option<String>) {
    if let Some(GateView { kind, phase, .. }) = router.gates.first() {
        return (kind.clone(), phase.clone());
    }
    let error = lines.iter().filter(|line| line.router == router.router);
    let error = error.filter_map(|line| line.last_error.as_deref()).next().unwrap_or("no session");
    let head = error.split(": ").next().unwrap_or(error);
    match head.split_once(" in ") {
        Some((kind, phase)) => (kind.to_owned(), Some(phase.to_owned())),
        None => (head.to_owned(), None),
    }
}

fn detail(router: &RouterView, lines: &[LineView]) -> String {
    let RouterView { router: name, address, .. } = router;
    if let Some(gate) = router.gates.first() {
        return format!(
            "{name} ({address}): failing for {:.0} s, {}, next try in {:.0} s: {}",
            gate.failing_for_s,
            counted(gate.attempts.try_into().unwrap_or(usize::MAX), "attempt"),
            gate.next_try_s,
            gate.last_error
        );
    }
    let of_it = lines.iter().filter(|line| line.router == router.router);
    let error = of_it.filter_map(|line| line.last_error.as_deref()).next().unwrap_or("-");
    let since = router.since.as_deref().unwrap_or("-");
    format!("{name} ({address}): since {since}: {error}")
}

/// Routers that do not keep up with their lines.
pub(super) fn short(status: &Status, findings: &mut Vec<Finding>) {
    let short: Vec<_> = status.routers.iter().filter(|router| router.short).collect();
    if short.is_empty() {
        return;
    }
    let lines = short.iter().map(|router| router.lines).sum();
    let verb = if short.len() == 1 { "does" } else { "do" };
    let what = format!(
        "{} {verb} not keep up: checks of {} are skipped",
        counted(short.len(), "router"),
        counted(lines, "line")
    );
    let detail = |router: &&RouterView| {
        let why = router.shortage.as_deref().unwrap_or("it skips checks");
        format!("{}: {why}", router.router)
    };
    let next = "more max_connections (mind the router's VTY lines), a longer interval, a smaller \
                ping.count, or checks.first_look where lines are down";
    let details = short.iter().map(detail).collect();
    findings.push(Finding::problem("capacity", what).of_lines(lines).with(details).next(next));
}
