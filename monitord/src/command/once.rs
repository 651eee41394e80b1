use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use pool_core::Context;
use scheduler::{CheckResult, Inventory, Line, Outcome, run_once};
use tokio::sync::mpsc;

use super::{Exit, Usage, prepare, zabbix_lines};
use crate::app::{self, FleetPools, Parts};
use crate::cli::{Format, OnceArgs};
use crate::limits::Limits;
use crate::output::InterruptibleOutput;
use crate::report::{outcome_line, outcome_table};
use crate::settings::Settings;
use crate::{shutdown, sink};

/// How long logging out may take at the end. Routers that do not answer by then are left.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(3);
const NOT_WRITTEN: &str = "cannot write to standard output";

/// Checks every line once.
pub(super) fn execute(args: &OnceArgs, parts: &Parts) -> Result<Exit> {
    let mut settings = prepare(&args.config, parts)?;
    zabbix_lines::add(&mut settings, parts)?;
    settings.inventory = selected(settings.inventory, args)?;
    let limits = Limits::new(app::threads_max(&settings.ssh, &settings.inventory));
    limits.check(&settings.inventory, settings.fleet);
    let runtime = app::runtime(&settings.ssh, &settings.inventory)?;
    let outcomes = runtime.block_on(check(&settings, args.output, parts));
    runtime.shutdown_background();
    let outcomes = outcomes?;
    let measured = |outcome: &Outcome| matches!(outcome.result, CheckResult::Measured(_));
    Ok(if outcomes.iter().all(measured) { Exit::Ok } else { Exit::Failed })
}

/// The lines that were asked for: all, unless lines or routers are named.
fn selected(inventory: Inventory, args: &OnceArgs) -> Result<Inventory, Usage> {
    for id in &args.lines {
        if !inventory.lines.iter().any(|line| line.id.as_str() == id) {
            return Err(Usage(format!("there is no line {id:?}: see `monitord lines`")));
        }
    }
    for name in &args.routers {
        if !inventory.routers.iter().any(|router| router.name.as_str() == name) {
            return Err(Usage(format!("there is no router {name:?}: see `monitord lines`")));
        }
    }
    let Inventory { routers, mut lines } = inventory;
    let has = |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
    lines.retain(|line: &Line| {
        has(&args.lines, line.id.as_str()) && has(&args.routers, line.router.as_str())
    });
    if lines.is_empty() {
        return Err(Usage("none of these lines is on any of these routers".to_owned()));
    }
    Ok(Inventory { routers, lines })
}

/// Runs the checks, writes their outcomes and returns them in the order of the inventory. As JSON
/// they are written as they come.
async fn check(settings: &Settings, output: Format, parts: &Parts) -> Result<Vec<Outcome>> {
    let shutdown = shutdown::on_signal().context("cannot install signal handlers")?;
    let drivers = parts.drivers(&settings.ssh);
    let fleet = Arc::new(app::fleet(drivers, settings)?);
    let (sender, mut receiver) = mpsc::channel(sink::OUTCOMES_MAX);
    let running = tokio::spawn(run_once(
        settings.inventory.clone(),
        Arc::new(FleetPools(fleet.clone())),
        parts.tasks.clone(),
        sender,
        shutdown.clone(),
    ));
    let mut stdout = InterruptibleOutput::new(shutdown);
    let mut outcomes = Vec::with_capacity(settings.inventory.lines.len());
    while let Some(outcome) = receiver.recv().await {
        if output == Format::Json {
            stdout.write(&outcome_line(&outcome)).await.context(NOT_WRITTEN)?;
        }
        outcomes.push(outcome);
    }
    running.await.context("the checks ended early")?;
    fleet.close(&Context::detached(LOGOUT_TIMEOUT)).await;
    let lines = settings.inventory.lines.iter().enumerate();
    let places: BTreeMap<_, _> = lines.map(|(place, line)| (&line.id, place)).collect();
    outcomes.sort_by_key(|outcome| places.get(&outcome.line));
    if output == Format::Table {
        stdout.write(&outcome_table(&outcomes).to_string()).await.context(NOT_WRITTEN)?;
    }
    Ok(outcomes)
}
