use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use pool_core::Endpoint;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Exit, prepare, zabbix_lines};
use crate::app::{self, Parts};
use crate::cli::ValidateArgs;
use crate::inventory::unresolved;
use crate::inventory::zabbix::Resolved;
use crate::output::Output;
use crate::settings::{Settings, ShownPoolOptions};

/// How long a peer may take to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);
/// How many peers are tried at the same time, so that no firewall takes it for a scan.
const REACHED_AT_ONCE_MAX: usize = 32;

/// Loads the settings, and tries to reach everyone in them.
pub(super) fn execute(args: &ValidateArgs, parts: &Parts) -> Result<Exit> {
    let mut settings = prepare(&args.config, parts)?;
    let mut text = String::new();
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    let resolved = match &settings.api {
        Some(_) if args.offline => {
            writeln!(text, "warning: offline: Zabbix was not asked for its lines")?;
            Resolved::default()
        }
        _ => zabbix_lines::add(&mut settings, parts)?,
    };
    for note in &resolved.notes {
        writeln!(text, "warning: {note}")?;
    }
    for (line, fault) in &resolved.faults {
        writeln!(text, "line {line}: {}", fault.reason)?;
    }
    let inventory = &settings.inventory;
    let real = inventory.routers.iter().filter(|router| unresolved::error_of(router).is_none());
    writeln!(
        text,
        "{}: valid, {} routers, {} lines",
        args.config.config.display(),
        real.count(),
        inventory.lines.len()
    )?;
    writeln!(text, "pool: {}", ShownPoolOptions(&settings.pool))?;
    let unreachable = if args.offline { Vec::new() } else { reach(&settings)? };
    for problem in &unreachable {
        writeln!(text, "{problem}")?;
    }
    Output::default().write(&text)?;
    let is_good = unreachable.is_empty() && resolved.faults.is_empty();
    Ok(if is_good { Exit::Ok } else { Exit::Failed })
}

/// Opens a TCP connection to every router and to Zabbix, and says which cannot be had, in the
/// order of the configuration.
fn reach(settings: &Settings) -> Result<Vec<String>> {
    let routers = settings.inventory.routers.iter();
    let routers = routers.filter(|router| unresolved::error_of(router).is_none());
    let mut peers: Vec<_> =
        routers.map(|r| (format!("router {}", r.name), r.connection.endpoint.clone())).collect();
    peers.extend(settings.zabbix.iter().map(|z| ("zabbix".to_owned(), z.address.clone())));
    let runtime = app::runtime(&settings.ssh, &settings.inventory)?;
    let problems = runtime.block_on(try_all(peers));
    runtime.shutdown_background();
    Ok(problems)
}

async fn try_all(peers: Vec<(String, Endpoint)>) -> Vec<String> {
    let mut trying = JoinSet::new();
    let mut problems = Vec::new();
    for (place, (name, endpoint)) in peers.into_iter().enumerate() {
        if trying.len() == REACHED_AT_ONCE_MAX {
            problems.extend(trying.join_next().await);
        }
        trying.spawn(async move { (place, try_one(&name, &endpoint).await) });
    }
    while let Some(tried) = trying.join_next().await {
        problems.push(tried);
    }
    let mut problems: Vec<_> = problems.into_iter().filter_map(Result::ok).collect();
    problems.sort();
    problems.into_iter().filter_map(|(_, problem)| problem).collect()
}

async fn try_one(name: &str, endpoint: &Endpoint) -> Option<String> {
    let connecting = TcpStream::connect((endpoint.host(), endpoint.port()));
    let fault = match timeout(REACH_TIMEOUT, connecting).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {REACH_TIMEOUT:?}"),
    };
    Some(format!("{name}: cannot connect to {endpoint}: {fault}"))
}
