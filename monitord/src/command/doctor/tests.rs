use serde_json::{Value, json};

use super::*;

/// What is found in a status with these parts, as `(area, what)`.
fn found(parts: Value) -> Vec<(&'static str, String)> {
    let mut status = json!({
        "totals": { "lines": 3, "routers": 2 },
        "process": { "now": "2026-11-22T08:00:00Z", "started_at": "2026-11-22T07:00:00Z" },
    });
    status.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    let status: Status = serde_json::from_value(status).unwrap();
    let mut findings = Vec::new();
    examine(&status, &mut findings);
    assert!(findings.iter().all(|finding| !finding.next.is_empty()), "each says what is next");
    findings.into_iter().map(|finding| (finding.area, finding.what)).collect()
}

fn line(id: &str, router: &str) -> Value {
    json!({ "line": id, "router": router, "state": "up", "last_result": "up", "interval_s": 60,
            "last_outcome_at": "2026-11-22T07:59:30Z" })
}

#[test]
fn in_a_daemon_that_is_well_nothing_is_found() {
    let router = json!({ "router": "r", "address": "192.0.2.1:22", "state": "reachable" });
    let parts = json!({ "lines": [line("L1", "r")], "routers": [router],
        "zabbix": {}, "spool": { "is_durable": true, "sinks": [{ "sink": "zabbix" }] } });
    assert_eq!(found(parts), []);
}

#[test]
fn routers_that_fail_alike_are_one_finding_and_their_lines_none() {
    let router = |name: &str| {
        json!({ "router": name, "address": "192.0.2.1:22", "state": "unreachable", "lines": 1,
                "gates": [{ "kind": "Authentication", "phase": "authentication", "attempts": 3 }] })
    };
    let mut failed = line("L1", "a");
    failed["last_result"] = "failed".into();
    let parts = json!({ "lines": [failed], "routers": [router("a"), router("b")] });
    let expected = "2 routers give no session: Authentication in authentication; 2 lines";
    assert_eq!(found(parts), [("router", expected.to_owned())]);
}

#[test]
fn a_line_that_is_down_is_not_mixed_up_with_one_without_figures() {
    let (mut down, mut unread) = (line("L1", "r"), line("L2", "r"));
    (down["state"], down["last_result"]) = ("down".into(), "down".into());
    (unread["last_result"], unread["last_error"]) =
        ("failed".into(), "ParseResultFailed: no statistics".into());
    let router = json!({ "router": "r", "address": "192.0.2.1:22", "state": "reachable" });
    let totals = json!({ "lines": 2, "states": { "down": 1 } });
    let parts = json!({ "lines": [down, unread], "routers": [router], "totals": totals });
    let found = found(parts);
    assert!(found[0].1.starts_with("1 line is down"), "{found:?}");
    assert!(found[1].1.ends_with("ParseResultFailed"), "{found:?}");
}

#[test]
fn what_is_not_delivered_not_followed_or_not_enough_is_found() {
    let parts = json!({
        "inventory": [{ "source": "zabbix", "trouble": "the API is away" }],
        "zabbix": { "address": "192.0.2.10:10051", "trouble": "connection refused" },
        "spool": { "is_durable": false, "lost": { "age": 3 }, "sinks": [
            { "sink": "zabbix", "pending": 9, "oldest_at": "2026-11-22T07:00:00Z" } ] },
        "routers": [{ "router": "r", "address": "192.0.2.1:22", "short": true, "lines": 2 }],
        "unresolved": [{ "reason": "{$LINE_ROUTER_IP} is missing", "lines": 1, "first": "L9" }],
        "process": { "now": "2026-11-22T08:00:00Z", "descriptors": 90, "descriptors_max": 100 },
    });
    let areas: Vec<_> = found(parts).into_iter().map(|(area, _)| area).collect();
    let expected =
        ["capacity", "inventory", "zabbix", "spool", "spool", "spool", "descriptors", "unresolved"];
    assert_eq!(areas, expected);
}

#[test]
fn outcomes_that_stay_away_and_a_clock_that_was_set_back_are_found() {
    let (mut late, mut ahead) = (line("L1", "r"), line("L2", "r"));
    late["last_outcome_at"] = "2026-11-22T07:50:00Z".into();
    ahead["last_outcome_at"] = "2026-11-22T08:10:00Z".into();
    let areas: Vec<_> = found(json!({ "lines": [late, ahead] })).into_iter().map(|f| f.0).collect();
    assert_eq!(areas, ["schedule", "clock"]);
}

#[test]
fn every_kind_of_failure_has_advice() {
    for (kind, phase) in [("Connect", Some("connect")), ("Nothing", None), ("Busy", None)] {
        assert!(!routers::advice(kind, phase).is_empty());
    }
}
