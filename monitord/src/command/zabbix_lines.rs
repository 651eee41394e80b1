//! The lines that Zabbix knows of, for commands that do one thing and end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use scheduler::merge;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::app::Parts;
use crate::inventory::ConfigurationWatch;
use crate::inventory::zabbix::{Resolved, ZabbixSource};
use crate::output::with_progress;
use crate::settings::Settings;

/// How long all of it may take, a hundred calls of which each has a limit of its own.
const LOOK_MAX: Duration = Duration::from_secs(600);

/// Asks Zabbix for its lines, if `settings` say that it has some, and puts them beside those of the
/// configuration. Returns what is to be said about them.
///
/// # Errors
///
/// When Zabbix is away, or refuses.
pub(super) fn add(settings: &mut Settings, parts: &Parts) -> Result<Resolved> {
    add_within(settings, parts, LOOK_MAX)
}

/// The same, within `limit`.
///
/// # Errors
///
/// When Zabbix is away, refuses, or takes longer.
pub(super) fn add_within(
    settings: &mut Settings,
    parts: &Parts,
    limit: Duration,
) -> Result<Resolved> {
    let Some(api) = &settings.api else { return Ok(Resolved::default()) };
    let resolver = settings.resolver(parts.catalog(), &settings.inventory.routers);
    let (_changes, resolver) = watch::channel(Arc::new(resolver));
    let mut source = ZabbixSource::new(api.clone(), resolver)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime to ask Zabbix on")?;
    let looking = async { timeout(limit, source.look()).await };
    let at = || "Zabbix is asked for its lines".to_owned();
    let resolved = runtime.block_on(with_progress(looking, at));
    // The resolver may hang.
    runtime.shutdown_background();
    let resolved = resolved.with_context(|| format!("Zabbix takes longer than {limit:?}"))?;
    let mut resolved = resolved.context("the inventory in Zabbix")?;
    let merged = merge([
        (ConfigurationWatch::NAME, &settings.inventory),
        (ZabbixSource::NAME, &resolved.inventory),
    ]);
    resolved.notes.extend(merged.conflicts.iter().map(ToString::to_string));
    settings.inventory = merged.inventory;
    Ok(resolved)
}
