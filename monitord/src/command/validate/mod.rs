//! Whether the configuration is valid, and everyone in it can be reached. Everything is tried and
//! told at once, within one limit of time.

mod peers;
mod routers;
mod spool;
mod tries;

use std::fmt::Write;

use anyhow::{Context as _, Result};
use pool_core::Context;
use scheduler::{Inventory, Router};

use super::{Exit, Usage, prepare, zabbix_lines};
use crate::app::{self, Parts};
use crate::cli::ValidateArgs;
use crate::inventory::unresolved;
use crate::inventory::zabbix::{Resolved, Scope};
use crate::output::Output;
use crate::settings::{Settings, ShownPoolOptions};
use crate::shutdown;

/// Loads the settings, and tries to reach everyone in them.
pub(super) fn execute(args: &ValidateArgs, parts: &Parts) -> Result<Exit> {
    let mut settings = prepare(&args.config, parts)?;
    let (mut text, mut is_good) = (String::new(), true);
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    match ask_for_lines(args, &mut settings, parts) {
        Ok(Some(resolved)) => {
            is_good &= resolved.faults.is_empty();
            tell_of_lines(&mut text, &settings, &resolved)?;
        }
        Ok(None) if settings.api.is_some() => {
            writeln!(text, "warning: offline: Zabbix was not asked for its lines")?;
        }
        Ok(None) => {}
        Err(error) => {
            is_good = false;
            writeln!(text, "zabbix api: {error:#}")?;
        }
    }
    select(&mut settings.inventory, &args.routers)?;
    writeln!(
        text,
        "{}: valid, {} routers, {} lines",
        args.config.config.display(),
        real(&settings.inventory).count(),
        settings.inventory.lines.len()
    )?;
    writeln!(text, "pool: {}", ShownPoolOptions(&settings.pool))?;
    if !args.offline {
        let found = reach(args, &settings, parts)?;
        is_good &= found.problems.is_empty();
        for line in found.notes.iter().chain(&found.problems) {
            writeln!(text, "{line}")?;
        }
    }
    Output::default().write(&text)?;
    Ok(if is_good { Exit::Ok } else { Exit::Failed })
}

/// What came of trying.
#[derive(Debug, Default)]
struct Found {
    /// What can be said beside problems.
    notes: Vec<String>,
    problems: Vec<String>,
}

/// Asks Zabbix for its lines, unless that is not wanted or there is nobody to ask.
fn ask_for_lines(
    args: &ValidateArgs,
    settings: &mut Settings,
    parts: &Parts,
) -> Result<Option<Resolved>> {
    if args.offline || settings.api.is_none() {
        return Ok(None);
    }
    zabbix_lines::add_within(settings, parts, args.timeout).map(Some)
}

fn tell_of_lines(text: &mut String, settings: &Settings, resolved: &Resolved) -> Result<()> {
    for note in &resolved.notes {
        writeln!(text, "warning: {note}")?;
    }
    for (line, fault) in &resolved.faults {
        writeln!(text, "line {line}: {}", fault.reason)?;
    }
    let Some(api) = &settings.api else { return Ok(()) };
    let of = match &api.scope {
        Scope::Proxy(name) => format!("proxy {name}"),
        Scope::ProxyGroup(name) => format!("proxy group {name}"),
    };
    let lines = resolved.inventory.lines.len();
    writeln!(
        text,
        "zabbix api: logged in; {of} has {lines} lines, {} of which cannot be checked",
        resolved.faults.len()
    )?;
    if lines == 0 {
        let (name, value) = (&api.tag.name, &api.tag.value);
        writeln!(
            text,
            "warning: the user sees no enabled host of this proxy with the tag {name} equal to \
             {value}: see `monitord zabbix role` for the rights it needs"
        )?;
    }
    Ok(())
}

/// Leaves the routers that are named, and their lines; all when none is.
fn select(inventory: &mut Inventory, names: &[String]) -> Result<(), Usage> {
    for name in names {
        if !inventory.routers.iter().any(|router| router.name.as_str() == name) {
            return Err(Usage(format!("there is no router {name:?}: see `monitord lines`")));
        }
    }
    if !names.is_empty() {
        let is_named = |name: &str| names.iter().any(|known| known == name);
        inventory.routers.retain(|router| is_named(router.name.as_str()));
        inventory.lines.retain(|line| is_named(line.router.as_str()));
    }
    Ok(())
}

/// The routers that are there, and do not only stand for lines that cannot be checked.
fn real(inventory: &Inventory) -> impl Iterator<Item = &Router> {
    inventory.routers.iter().filter(|router| unresolved::error_of(router).is_none())
}

/// Tries everyone, and is back within the time that there is.
fn reach(args: &ValidateArgs, settings: &Settings, parts: &Parts) -> Result<Found> {
    let runtime = app::runtime(&settings.ssh, &settings.inventory)?;
    let found = runtime.block_on(async {
        let shutdown = shutdown::on_signal().context("cannot install signal handlers")?;
        let ctx = Context::new(&shutdown, args.timeout);
        let (mut routers, sender) = tokio::join!(
            async {
                if args.login {
                    routers::log_in(&ctx, settings, parts).await
                } else {
                    peers::reach_routers(&ctx, settings).await
                }
            },
            peers::try_sender(&ctx, settings),
        );
        for tried in [sender, spool::open(settings)] {
            routers.notes.extend(tried.notes);
            routers.problems.extend(tried.problems);
        }
        anyhow::Ok(routers)
    });
    // A look-up that hangs must not keep us.
    runtime.shutdown_background();
    found
}
