use serde_json::{Value, json};

use super::{LINE_TEMPLATE, SELF_TEMPLATE, uuid};
use crate::settings::ItemKeys;

const DOWN: &str = "Line {HOST.NAME} is down";

/// What is wrong with a line.
pub(super) fn of_line(keys: &ItemKeys) -> Vec<Value> {
    let of =
        |function: &str, key: &str, rest: &str| format!("{function}(/{LINE_TEMPLATE}/{key}{rest})");
    let loss = of("min", &keys.ping, ",{$LINE_LOSS_CHECKS}");
    let is_down = format!("{loss}>={{$LINE_LOSS_DOWN}}");
    let silent = |period: &str| {
        let of_item = |key| of("nodata", key, &format!(",{period}"));
        (format!("{}=1", of_item(&keys.ping)), format!("{}=1", of_item(&keys.error_detail)))
    };
    let (no_figure, _) = silent("{$LINE_ERROR_PERIOD}");
    let tried = of("count", &keys.error_detail, ",{$LINE_ERROR_PERIOD}");
    let (silent_ping, silent_detail) = silent("{$LINE_SILENCE}");
    let mut triggers = vec![
        trigger(DOWN, &is_down, "HIGH", "No packet comes back, check after check."),
        with_dependency(
            trigger(
                "Line {HOST.NAME} loses packets",
                &format!("{loss}>={{$LINE_LOSS_WARN}}"),
                "WARNING",
                "Some packets do not come back, check after check.",
            ),
            &is_down,
        ),
        trigger(
            "Line {HOST.NAME} cannot be checked",
            &format!("{tried}>0 and {no_figure}"),
            "AVERAGE",
            "Checks are tried and come to no figure. Why stands in the item that says so: the router \
             cannot be reached, refuses the login, or answers what cannot be read.",
        ),
        trigger(
            "Nothing is heard of line {HOST.NAME}",
            &format!("{silent_ping} and {silent_detail}"),
            "AVERAGE",
            "Neither a figure nor an error has arrived: monitord is not running, does not know the \
             line, or does not reach Zabbix.",
        ),
    ];
    if let Some(key) = &keys.rtt_avg {
        let rtt = of("min", key, ",{$LINE_LOSS_CHECKS}");
        triggers.push(trigger(
            "Line {HOST.NAME} is slow",
            &format!("{rtt}>={{$LINE_RTT_WARN}}"),
            "WARNING",
            "The mean round-trip time is long, check after check.",
        ));
    }
    if let Some(key) = &keys.interface_state {
        triggers.push(trigger(
            "The interface of line {HOST.NAME} is down",
            &format!("{}=\"down\"", of("last", key, "")),
            "AVERAGE",
            "The router says so.",
        ));
    }
    triggers
}

/// What is wrong when monitord does not beat any more.
pub(super) fn of_heartbeat(key: &str) -> Value {
    trigger(
        "Nothing is heard of monitord on {HOST.NAME}",
        &format!("nodata(/{SELF_TEMPLATE}/{key},{{$MONITORD_SILENCE}})=1"),
        "HIGH",
        "It is not running, or does not reach Zabbix: no line is reported.",
    )
}

fn trigger(name: &str, expression: &str, priority: &str, description: &str) -> Value {
    json!({
        "uuid": uuid("trigger", name),
        "expression": expression,
        "name": name,
        "priority": priority,
        "description": description,
    })
}

/// It is not said beside that the line is down.
fn with_dependency(mut trigger: Value, is_down: &str) -> Value {
    trigger["dependencies"] = json!([{ "name": DOWN, "expression": is_down }]);
    trigger
}
