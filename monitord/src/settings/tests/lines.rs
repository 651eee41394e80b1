//! Routers and lines that cannot be.

use super::*;

#[test]
fn an_interval_that_is_none_is_refused() {
    let allowed = "allowed is 10s to 24h";
    for (value, shown) in [("0", "0"), ("9s", "\"9s\""), ("25h", "\"25h\"")] {
        check_changed(
            "target:",
            &format!("interval: {value}, target:"),
            &format!("m.yaml: lines[0].interval is {shown}: {allowed}"),
        );
    }
    check_changed(
        "target:",
        "interval: soon, target:",
        "m.yaml: lines[0].interval is \"soon\": allowed is a duration such as 30s, 5m or 1h 30m, \
         or a whole number of seconds",
    );
}

#[test]
fn an_unknown_platform_or_protocol_is_refused_with_those_there_are() {
    let names = CATALOG.names().join(", ");
    assert!(names.contains("cisco_iosxe") && names.contains("huawei_vrp"), "{names}");
    check_changed(
        "cisco_iosxe",
        "cisco_ios_xx",
        &format!("m.yaml: routers[0].platform is \"cisco_ios_xx\": allowed is {names}"),
    );
    check_changed(
        "platform:",
        "protocol: telnet, platform:",
        "m.yaml: routers[0].protocol is \"telnet\": allowed is ssh, scrapli (alias cli)",
    );
}

#[test]
fn a_target_that_is_more_than_an_address_is_refused() {
    check_changed(
        "198.51.100.1",
        "198.51.100.8; reload",
        "m.yaml: lines[0].target is \"198.51.100.8; reload\": allowed is an IP address or a host name \
         (only letters, digits, dots, dashes and underscores are allowed)",
    );
    check_changed(
        "198.51.100.1",
        "\"198.51.100.8\\nreload\"",
        "m.yaml: lines[0].target is \"198.51.100.8\\nreload\": allowed is an IP address or a host name \
         (only letters, digits, dots, dashes and underscores are allowed)",
    );
}

#[test]
fn a_task_that_the_router_does_not_have_is_named_where_it_stands() {
    let router =
        "  - { name: fw-1, host: 192.0.2.2, platform: cisco_asa, username: u, password: p }\n";
    let mut text = GOOD.replace("lines:", &format!("{router}lines:"));
    text += "
  - { id: L2, router: edge-1, target: 198.51.100.2, interface: Gi0/0/1 }
  - { id: L3, router: edge-1, target: 198.51.100.2, task: interface }
  - { id: L4, router: edge-1, target: 198.51.100.2, task: ping, interface: Gi0/0/1 }
  - { id: L5, router: edge-1, target: 198.51.100.2, interface: a b }
  - { id: L6, router: edge-1, target: 198.51.100.2, interface: Gi0/0/1, ping: { count: 3 } }
  - { id: L7, router: edge-1, target: 198.51.100.2, task: traceroute }
  - { id: L8, router: fw-1, target: 198.51.100.2, interface: port1 }
";
    check(
        &text,
        &[
            "m.yaml: lines[2].interface is missing: allowed is a text",
            "m.yaml: lines[3].interface stands beside task ping, which takes none",
            "m.yaml: lines[4].interface is \"a b\": allowed is one word of at most 64 letters, \
             digits and . _ - : / @, not beginning with a dash",
            "m.yaml: lines[5].ping stands beside task interface: nothing is pinged then",
            "m.yaml: lines[6].task is \"traceroute\": allowed is ping, interface",
            "m.yaml: lines[7].task is interface: allowed is ping on platform cisco_asa over scrapli",
        ],
    );
}

#[test]
fn names_are_unique_and_lines_have_their_router() {
    check(
        &format!(
            "{GOOD}  - {{ id: L1, router: edge-1, target: 198.51.100.2 }}\n  \
             - {{ id: L2, router: egde-1, target: 198.51.100.2 }}\n"
        ),
        &[
            "m.yaml: lines[1].id is L1: allowed is an id that no other line has",
            "m.yaml: lines[2].router is egde-1: allowed is the name of a router in the inventory; \
             did you mean edge-1?",
        ],
    );
}

#[test]
fn an_inventory_that_cannot_be_had_is_a_problem() {
    check(
        &format!("{GOOD}inventory: {{ file: more.yaml, refresh: often }}\n"),
        &[
            "m.yaml: inventory.refresh is \"often\": allowed is a duration such as 30s, 5m or \
             1h 30m, or a whole number of seconds",
            "more.yaml: cannot be read: No such file or directory (os error 2)",
        ],
    );
    check(
        "log: { level: info }",
        &[
            "m.yaml: lines has no line, and neither has inventory.file, nor is there zabbix.api: at \
           least one is needed",
        ],
    );
}
