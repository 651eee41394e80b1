use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use pool_core::Credentials;
use scheduler::{Inventory, Line, Router, RouterName};
use serde::Serialize;

use super::{Exit, prepare, zabbix_lines};
use crate::app::Parts;
use crate::cli::{Format, LinesArgs};
use crate::inventory::unresolved;
use crate::output::Output;
use crate::report::Table;

/// Stands for a secret that is there.
const MASK: &str = "***";

/// Shows the inventory as it was understood.
pub(super) fn execute(args: &LinesArgs, parts: &Parts) -> Result<Exit> {
    let mut settings = prepare(&args.config, parts)?;
    zabbix_lines::add(&mut settings, parts)?;
    let views = views(&settings.inventory);
    let text = match args.output {
        Format::Table => table(&views).to_string(),
        Format::Json => {
            let lines: Result<Vec<_>, _> = views.iter().map(serde_json::to_string).collect();
            lines.context("cannot write JSON")?.join("\n") + "\n"
        }
    };
    Output::default().write(&text)?;
    Ok(Exit::Ok)
}

/// A line with its router, secrets masked.
#[derive(Debug, Serialize)]
struct LineView<'a> {
    line: &'a str,
    target: &'a str,
    interval_s: u64,
    task: &'static str,
    ping: Option<PingView<'a>>,
    interface: Option<&'a str>,
    /// Why it cannot be checked, if it cannot.
    unresolved: Option<&'a str>,
    router: &'a str,
    address: String,
    platform: &'a str,
    protocol: &'static str,
    username: &'a str,
    password: Option<&'static str>,
    private_key: Option<&'static str>,
    agent: bool,
    enable_password: Option<&'static str>,
    host_key: &'static str,
    algorithms: &'static str,
    jump: Option<String>,
    connect_timeout_s: f64,
    max_connections: usize,
}

#[derive(Debug, Serialize)]
struct PingView<'a> {
    count: u32,
    timeout_s: u64,
    size: Option<u32>,
    source: Option<&'a str>,
    vrf: Option<&'a str>,
}

fn views(inventory: &Inventory) -> Vec<LineView<'_>> {
    let routers: BTreeMap<&RouterName, &Router> =
        inventory.routers.iter().map(|router| (&router.name, router)).collect();
    let with_router = |line| Some(view(line, routers.get(&line.router)?));
    inventory.lines.iter().filter_map(with_router).collect()
}

fn view<'a>(line: &'a Line, router: &'a Router) -> LineView<'a> {
    let connection = &router.connection;
    let Credentials { username, password, private_key, agent, enable_password, .. } =
        &connection.credentials;
    let pinned = !connection.host_key_pins.is_empty();
    LineView {
        line: line.id.as_str(),
        target: line.target.as_str(),
        interval_s: line.interval.as_duration().as_secs(),
        task: line.task.kind().as_str(),
        ping: line.task.as_ping().map(|ping| PingView {
            count: ping.count,
            timeout_s: ping.timeout.as_secs(),
            size: ping.size,
            source: ping.source.as_ref().map(|word| word.as_str()),
            vrf: ping.vrf.as_ref().map(|word| word.as_str()),
        }),
        interface: line.task.as_interface().map(|word| word.as_str()),
        unresolved: unresolved::reason_of(router),
        router: router.name.as_str(),
        address: connection.endpoint.to_string(),
        platform: connection.platform.as_str(),
        protocol: router.protocol.as_str(),
        username,
        password: password.as_ref().map(|_| MASK),
        private_key: private_key.as_ref().map(|_| MASK),
        agent: agent.is_some(),
        enable_password: enable_password.as_ref().map(|_| MASK),
        host_key: if pinned { "pinned" } else { connection.host_key.as_str() },
        algorithms: connection.algorithms.as_str(),
        jump: connection.jump.as_ref().map(|jump| jump.endpoint.to_string()),
        connect_timeout_s: connection.connect_timeout.as_secs_f64(),
        max_connections: connection.max_connections,
    }
}

fn task(view: &LineView<'_>) -> String {
    match (&view.ping, view.interface) {
        (Some(ping), _) => format!("{} {} x {}s", view.task, ping.count, ping.timeout_s),
        (None, Some(interface)) => format!("{} {interface}", view.task),
        (None, None) => view.task.to_owned(),
    }
}

fn table(views: &[LineView<'_>]) -> Table {
    let mut table = Table::new([
        "LINE", "TARGET", "INTERVAL", "TASK", "ROUTER", "ADDRESS", "PLATFORM", "PROTOCOL", "USER",
        "LOGIN",
    ]);
    for view in views {
        if view.unresolved.is_some() {
            let mut cells = ["-"; 10].map(str::to_owned);
            (cells[0], cells[1]) = (view.line.to_owned(), view.target.to_owned());
            (cells[2], cells[4]) = (format!("{}s", view.interval_s), view.router.to_owned());
            table.row(cells);
            continue;
        }
        let logins = [
            (view.private_key, "key"),
            (view.agent.then_some(MASK), "agent"),
            (view.password, "password"),
        ];
        let logins = logins.iter().filter_map(|(secret, name)| secret.map(|_| *name));
        table.row([
            view.line.to_owned(),
            view.target.to_owned(),
            format!("{}s", view.interval_s),
            task(view),
            view.router.to_owned(),
            view.address.clone(),
            view.platform.to_owned(),
            view.protocol.to_owned(),
            view.username.to_owned(),
            logins.collect::<Vec<_>>().join(", "),
        ]);
    }
    table
}
