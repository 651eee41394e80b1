use serde_json::{Value, json};

use super::uuid;
use crate::settings::ItemKeys;

/// How long single values are kept. Zabbix takes none that are older, so it is longer than the
/// spool keeps them.
const HISTORY: &str = "31d";
/// How long hourly figures are kept.
const TRENDS: &str = "365d";

/// A trapper item.
struct Item<'a> {
    key: &'a str,
    name: &'a str,
    kind: &'a str,
    units: &'a str,
    description: &'a str,
}

/// The items of a line.
pub(super) fn of_line(keys: &ItemKeys) -> Vec<Value> {
    let mut items = vec![
        item(&Item {
            key: &keys.ping,
            name: "Packet loss",
            kind: "UNSIGNED",
            units: "%",
            description: "In whole percent, whenever a check was carried out.",
        }),
        item(&Item {
            key: &keys.error_detail,
            name: "Why there is no packet loss",
            kind: "CHAR",
            units: "",
            description: "Whenever a check was not carried out: CheckTimeout, ParseResultFailed, \
                ConnectionError, ExecutionError, RequestTimeout or NoRouteToHost.",
        }),
    ];
    let figures = [
        (&keys.loss, "Packet loss, exact", "%", "With its fraction, when a check was carried out."),
        (&keys.rtt_min, "Round-trip time, shortest", "s", "When any packet was answered."),
        (&keys.rtt_avg, "Round-trip time, mean", "s", "When any packet was answered."),
        (&keys.rtt_max, "Round-trip time, longest", "s", "When any packet was answered."),
        (&keys.duration, "Duration of the check", "s", "Whenever a check was tried."),
    ];
    for (key, name, units, description) in figures {
        if let Some(key) = key {
            items.push(item(&Item { key, name, kind: "FLOAT", units, description }));
        }
    }
    let others = [
        (
            &keys.interface_state,
            "State of the interface",
            "CHAR",
            "`up`, `down` or `disabled`, when an interface was looked at.",
        ),
        (
            &keys.interface_in_errors,
            "Errors of the interface, in",
            "UNSIGNED",
            "Counted by the router.",
        ),
        (
            &keys.interface_out_errors,
            "Errors of the interface, out",
            "UNSIGNED",
            "Counted by the router.",
        ),
        (
            &keys.status,
            "Status of the last check",
            "CHAR",
            "`ok` or what went wrong, after each check.",
        ),
    ];
    for (key, name, kind, description) in others {
        if let Some(key) = key {
            items.push(item(&Item { key, name, kind, units: "", description }));
        }
    }
    items
}

/// The item of monitord's heartbeat.
pub(super) fn heartbeat(key: &str) -> Value {
    item(&Item {
        key,
        name: "Uptime of monitord",
        kind: "UNSIGNED",
        units: "uptime",
        description: "Sent again and again as long as monitord runs and reaches Zabbix.",
    })
}

fn item(item: &Item<'_>) -> Value {
    let Item { key, name, kind, units, description } = item;
    let is_text = *kind == "CHAR";
    let mut value = json!({
        "uuid": uuid("item", key),
        "name": name,
        "type": "TRAP",
        "key": key,
        "delay": "0",
        "history": HISTORY,
        "trends": if is_text { "0" } else { TRENDS },
        "value_type": kind,
        "description": description,
        "tags": [{ "tag": "component", "value": "line" }],
    });
    if !units.is_empty() {
        value["units"] = json!(units);
    }
    value
}
