//! How a line is checked, and who said so.

use std::time::Duration;

use pool_core::ConnectionConfig;
use scheduler::{Line, Router};
use serde::Serialize;

use crate::report::Table;
use crate::settings::{Origins, Place};

/// Stands for a secret that is there.
const MASK: &str = "***";
/// What a value is that is not there.
const NONE: &str = "-";

/// A parameter of a line or its router.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Parameter {
    pub(super) key: &'static str,
    pub(super) value: String,
    /// Where it stands, or by which macro Zabbix says it.
    pub(super) from: String,
}

/// Every parameter of `line`, as `origins` tell where it comes from.
pub(super) fn parameters(line: &Line, router: &Router, origins: &Origins) -> Vec<Parameter> {
    let mut all = of_line(line, origins);
    all.extend(of_router(router, origins));
    all
}

fn of_line(line: &Line, origins: &Origins) -> Vec<Parameter> {
    let id = line.id.as_str();
    let is_declared = origins.has("lines", "id", id);
    let row = |key, value: String, own: &[&str], default: &[&str], macros: &str| {
        let from = if is_declared {
            origins.first(&[Place::Item("lines", "id", id, own), Place::Section(default)])
        } else {
            format!("Zabbix: {macros}, or else {}", origins.first(&[Place::Section(default)]))
        };
        Parameter { key, value, from }
    };
    let mut rows = vec![
        row("target", line.target.to_string(), &["target"], &[], "{$LINE_TARGET}"),
        row(
            "interval",
            time(line.interval.as_duration()),
            &["interval"],
            &["defaults", "interval"],
            "{$LINE_CHECK_INTERVAL}",
        ),
    ];
    if !is_declared {
        rows[0].from = "Zabbix: {$LINE_TARGET}, or else the name of the host".to_owned();
    }
    if let Some(interface) = line.task.as_interface() {
        rows.push(row("interface", interface.as_str().to_owned(), &["interface"], &[], NONE));
    }
    let Some(ping) = line.task.as_ping() else { return rows };
    let word = |word: &Option<scheduler::Word>| {
        word.as_ref().map_or_else(|| NONE.to_owned(), |word| word.as_str().to_owned())
    };
    let size = ping.size.map_or_else(|| NONE.to_owned(), |size| size.to_string());
    for (key, name, value, macros) in [
        ("ping.count", "count", ping.count.to_string(), "{$LINE_PING_COUNT}"),
        ("ping.timeout", "timeout", time(ping.timeout), "{$LINE_PING_TIMEOUT}"),
        ("ping.size", "size", size, "{$LINE_PING_SIZE}"),
        ("ping.source", "source", word(&ping.source), "{$LINE_PING_SOURCE}"),
        ("ping.vrf", "vrf", word(&ping.vrf), "{$LINE_PING_VRF}"),
    ] {
        rows.push(row(key, value, &["ping", name], &["defaults", "ping", name], macros));
    }
    rows
}

fn of_router(router: &Router, origins: &Origins) -> Vec<Parameter> {
    let name = router.name.as_str();
    let is_declared = origins.has("routers", "name", name);
    let ConnectionConfig { credentials, endpoint, .. } = &router.connection;
    let connection = &router.connection;
    let own = |key, value: String, path: &[&str], macros: &str| {
        let from = if is_declared {
            origins.first(&[Place::Item("routers", "name", name, path)])
        } else {
            format!("Zabbix: {macros}")
        };
        Parameter { key, value, from }
    };
    let limit = |key: &'static str, value: String| {
        let from =
            [Place::Item("routers", "name", name, &[key]), Place::Section(&["connection", key])];
        Parameter { key, value, from: origins.first(&from) }
    };
    let secret = |is_there: bool| if is_there { MASK } else { NONE }.to_owned();
    let pins = connection.host_key_pins.iter().map(ToString::to_string).collect::<Vec<_>>();
    let host_key =
        if pins.is_empty() { connection.host_key.as_str().to_owned() } else { pins.join(", ") };
    let jump = connection.jump.as_ref().map(|jump| jump.endpoint.to_string());
    vec![
        Parameter { key: "router", value: name.to_owned(), from: NONE.to_owned() },
        own("host", endpoint.host().to_owned(), &["host"], "{$LINE_ROUTER_IP}"),
        own("port", endpoint.port().to_string(), &["port"], "{$LINE_ROUTER_PORT}"),
        own("platform", connection.platform.to_string(), &["platform"], "{$LINE_ROUTER_PLATFORM}"),
        own("protocol", router.protocol.to_string(), &["protocol"], "{$LINE_ROUTER_PROTOCOL}"),
        own(
            "username",
            credentials.username.clone(),
            &["username"],
            "{$LINE_ROUTER_USERNAME}, or an entry of credentials",
        ),
        own(
            "password",
            secret(credentials.password.is_some()),
            &["password"],
            "{$LINE_ROUTER_PASSWORD}, or an entry of credentials",
        ),
        limit("private_key", secret(credentials.private_key.is_some())),
        limit("agent", secret(credentials.agent.is_some())),
        own(
            "enable_password",
            secret(credentials.enable_password.is_some()),
            &["enable_password"],
            "{$LINE_ROUTER_ENABLE_PASSWORD}",
        ),
        limit("host_key", host_key),
        limit("algorithms", connection.algorithms.as_str().to_owned()),
        limit("jump", jump.unwrap_or_else(|| NONE.to_owned())),
        limit("connect_timeout", time(connection.connect_timeout)),
        limit("read_timeout", time(connection.read_timeout)),
        limit("write_timeout", time(connection.write_timeout)),
        limit("max_connections", connection.max_connections.to_string()),
        limit("min_connections", connection.min_connections.to_string()),
    ]
}

fn time(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

pub(super) fn text(parameters: &[Parameter]) -> String {
    let mut table = Table::new(["KEY", "VALUE", "FROM"]);
    for Parameter { key, value, from } in parameters {
        table.row([(*key).to_owned(), value.clone(), from.clone()]);
    }
    table.to_string()
}
