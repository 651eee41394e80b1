//! The lines that Zabbix knows of, for commands that do one thing and end.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use scheduler::merge;
use tokio::sync::watch;

use crate::app::Parts;
use crate::inventory::ConfigurationSource;
use crate::inventory::zabbix::{Resolved, ZabbixSource};
use crate::settings::Settings;

/// Asks Zabbix for its lines, if `settings` say that it has some, and puts them beside those of the
/// configuration. Returns what is to be said about them.
///
/// # Errors
///
/// When Zabbix is away, or refuses.
pub(super) fn add(settings: &mut Settings, parts: &Parts) -> Result<Resolved> {
    let Some(api) = &settings.api else { return Ok(Resolved::default()) };
    let (_changes, resolver) = watch::channel(Arc::new(settings.resolver(parts.catalog())));
    let mut source = ZabbixSource::new(api.clone(), resolver)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime to ask Zabbix on")?;
    let resolved = runtime.block_on(source.look());
    // The resolver may hang.
    runtime.shutdown_background();
    let mut resolved = resolved.context("the inventory in Zabbix")?;
    let merged = merge([
        (ConfigurationSource::NAME, &settings.inventory),
        (ZabbixSource::NAME, &resolved.inventory),
    ]);
    resolved.notes.extend(merged.conflicts.iter().map(ToString::to_string));
    settings.inventory = merged.inventory;
    Ok(resolved)
}
