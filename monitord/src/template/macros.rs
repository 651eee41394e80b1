use serde_json::{Value, json};

use crate::settings::ItemKeys;

/// The macros of a line: those of the triggers, and those that the inventory is made of.
pub(super) fn of_line(items: &ItemKeys) -> Vec<Value> {
    let mut macros = vec![
        named(
            "{$LINE_LOSS_CHECKS}",
            "#2",
            "How many checks in a row, or how much time, must agree before a trigger fires.",
        ),
        named("{$LINE_LOSS_WARN}", "10", "Packet loss in percent from which on a line is bad."),
        named("{$LINE_LOSS_DOWN}", "100", "Packet loss in percent from which on a line is down."),
        named(
            "{$LINE_ERROR_PERIOD}",
            "10m",
            "A line that could not be checked for so long, though it was tried, is a problem. At least \
             two check intervals.",
        ),
        named(
            "{$LINE_SILENCE}",
            "20m",
            "A line of which nothing at all was heard for so long is a problem. At least three check \
             intervals.",
        ),
        named("{$LINE_ID}", "", "The line's name for people. Set it on the host."),
        named(
            "{$LINE_CHECK_INTERVAL}",
            "180",
            "How often the line is checked: seconds, or with a suffix (30s, 5m).",
        ),
        named("{$LINE_ROUTER_IP}", "", "Address of the router. Set it on the host."),
        named("{$LINE_ROUTER_USERNAME}", "", "Who logs in to the router. Set it on the host."),
        named(
            "{$LINE_ROUTER_PLATFORM}",
            "",
            "Platform of the router, such as cisco_iosxe; see `monitord platforms`. Set it on the host.",
        ),
        named(
            "{$LINE_ROUTER_PROTOCOL}",
            "scrapli",
            "scrapli (an interactive shell) or ssh (an exec channel).",
        ),
        named("{$LINE_PING_COUNT}", "5", "Packets of a check."),
        named("{$LINE_PING_TIMEOUT}", "2s", "How long each reply is waited for."),
        json!({
            "macro": "{$LINE_ROUTER_PASSWORD}",
            "type": "SECRET_TEXT",
            "description": "Password of the router. A secret macro cannot be read through the API: \
                keep the password in monitord's configuration, or set a text macro on the host.",
        }),
    ];
    if items.interface_state.is_some() {
        macros.push(named(
            "{$LINE_INTERFACE}",
            "",
            "Interface of the router that is looked at in place of a ping. Set it on the host.",
        ));
    }
    if items.rtt_avg.is_some() {
        macros.push(named(
            "{$LINE_RTT_WARN}",
            "0.5",
            "Mean round-trip time in seconds from which on a line is slow.",
        ));
    }
    macros
}

/// The macro of monitord's heartbeat.
pub(super) fn of_heartbeat() -> Value {
    named(
        "{$MONITORD_SILENCE}",
        "5m",
        "monitord, of which nothing was heard for so long, is a problem. At least three heartbeats.",
    )
}

fn named(name: &str, value: &str, description: &str) -> Value {
    json!({ "macro": name, "value": value, "description": description })
}
