//! The inventory in Zabbix: hosts are lines, and their macros say how each is checked.
//!
//! A look is a handful of calls for each thousand hosts: their ids, by proxy and tag; the hosts by
//! a thousand, with their own macros; the templates that they are linked to, level by level; the
//! global macros. A look is whole or fails. What it finds is resolved without asking anybody
//! ([`Resolver`]): which of several macros with one name counts, who logs in where macros are
//! secret, and which lines share a router. A host that cannot be made a line of is not left out,
//! but declared as a line that fails with the reason ([`unresolved`](super::unresolved)).

mod answer;
mod assigned;
mod client;
mod dialect;
mod fetch;
mod history;
mod http;
mod interval;
mod line;
mod login;
mod macros;
mod record;
mod resolver;
mod settings;
mod task;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pool_core::{Context, Phase};
use scheduler::{Inventory, InventorySource, LineId, SourceError, SourceRecord};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::kept::{Kept, Restored};
use super::unresolved::Fault;
use client::Client;

pub(crate) use assigned::{Assigned, channel as assigned_channel};
pub(crate) use client::ApiError;
pub(crate) use dialect::Dialect;
pub(crate) use history::History;
pub(crate) use login::{Login, Pattern};
pub(crate) use resolver::{Resolved, Resolver};
pub(crate) use settings::{ApiLogin, ApiSettings, Scope, Tag};

/// How many lines or notes are logged at once. The pages have them all.
const LOGGED_MAX: usize = 20;

/// The lines that Zabbix knows of.
#[derive(Debug)]
pub(crate) struct ZabbixSource {
    client: Client,
    settings: ApiSettings,
    resolver: watch::Receiver<Arc<Resolver>>,
    /// Who wants to know which proxy looks after which host, if anybody does.
    assigned: Option<watch::Sender<Assigned>>,
    /// What was said at the last look, so that nothing is said twice.
    said: BTreeMap<LineId, Fault>,
    noted: Vec<String>,
    /// What was found last, without passwords, until it is asked for.
    record: Option<String>,
    /// What was asked for last.
    recorded: Option<String>,
}

impl ZabbixSource {
    /// The source's name.
    pub(crate) const NAME: &str = "zabbix";

    /// A source that has not asked yet. `resolver` may change at any time.
    ///
    /// # Errors
    ///
    /// When the certificates of the settings cannot be used.
    pub(crate) fn new(
        settings: ApiSettings,
        resolver: watch::Receiver<Arc<Resolver>>,
    ) -> Result<Self, ApiError> {
        let client = Client::new(&settings)?;
        let (said, noted) = (BTreeMap::new(), Vec::new());
        let (record, recorded) = (None, None);
        let assigned = None;
        Ok(Self { client, settings, resolver, assigned, said, noted, record, recorded })
    }

    /// The same, telling at each look which proxy looks after which host.
    #[must_use]
    pub(crate) fn telling(mut self, assigned: watch::Sender<Assigned>) -> Self {
        self.assigned = Some(assigned);
        self
    }

    /// How often it is to be asked.
    pub(crate) fn refresh(&self) -> Duration {
        self.settings.refresh
    }

    /// What was kept of the source with these `settings`, if there is anything that can be read:
    /// its lines, of which those cannot be checked whose password only Zabbix knows.
    pub(crate) fn restore(
        settings: &ApiSettings,
        resolver: &Resolver,
        kept: &Kept,
    ) -> Option<Restored> {
        let found = kept.load(Self::NAME, &record::origin(settings))?;
        match record::read(&found.text) {
            Ok(snapshot) => {
                let Resolved { inventory, faults, .. } = resolver.resolve(&snapshot);
                Some(Restored { inventory, unchecked: faults.len(), as_of: found.saved_at })
            }
            Err(error) => {
                warn!(%error, "what was kept of the lines in Zabbix is unreadable");
                None
            }
        }
    }

    /// Asks once, and tells what was found with everything that is to be said about it.
    ///
    /// # Errors
    ///
    /// When the API is away, refuses or cannot be understood.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, the connection is closed and nothing is taken over.
    pub(crate) async fn look(&mut self) -> Result<Resolved, SourceError> {
        let before = self.client.cost();
        let fetched =
            fetch::fetch(&mut self.client, &self.settings.scope, &self.settings.tag).await;
        let snapshot = match fetched {
            Ok(snapshot) => snapshot,
            Err(error) => {
                // Next time it may be another server, of another version.
                self.client.forget();
                return Err(SourceError(error.to_string()));
            }
        };
        let resolver = self.resolver.borrow().clone();
        let resolved = resolver.resolve(&snapshot);
        self.record = record::write(&snapshot, &resolver);
        if let Some(sender) = &self.assigned {
            assigned::tell(sender, assigned::of(&snapshot));
        }
        let cost = self.client.cost();
        debug!(
            lines = resolved.inventory.lines.len(),
            calls = cost.calls - before.calls,
            bytes = cost.bytes - before.bytes,
            "asked Zabbix for the inventory"
        );
        Ok(resolved)
    }

    /// Logs what is new.
    fn tell(&mut self, resolved: &Resolved) {
        let fresh: Vec<_> = resolved
            .faults
            .iter()
            .filter(|(line, fault)| self.said.get(line) != Some(fault))
            .collect();
        for (line, fault) in fresh.iter().take(LOGGED_MAX) {
            warn!(%line, reason = fault.reason, "the line cannot be checked");
        }
        if let Some(more @ 1..) = fresh.len().checked_sub(LOGGED_MAX) {
            warn!(more, "more lines cannot be checked: see `monitord validate` or /status");
        }
        let healed = self.said.keys().filter(|line| !resolved.faults.contains_key(line)).count();
        if healed > 0 {
            info!(lines = healed, "lines that could not be checked are in order or gone");
        }
        let notes = resolved.notes.iter().filter(|note| !self.noted.contains(note));
        for note in notes.take(LOGGED_MAX) {
            warn!(note, "hosts in Zabbix contradict each other");
        }
        self.said.clone_from(&resolved.faults);
        self.noted.clone_from(&resolved.notes);
    }
}

#[async_trait]
impl InventorySource for ZabbixSource {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn load(&mut self, ctx: &Context) -> Result<Inventory, SourceError> {
        let resolved = tokio::select! {
            biased;
            resolved = self.look() => resolved?,
            ended = ctx.ended(Phase::Read) => return Err(SourceError(ended.to_string())),
        };
        self.tell(&resolved);
        Ok(resolved.inventory)
    }

    fn record(&mut self) -> Option<SourceRecord> {
        let fresh = self.record.take()?;
        if self.recorded.as_ref() == Some(&fresh) {
            return None;
        }
        self.recorded = Some(fresh.clone());
        Some(SourceRecord { origin: record::origin(&self.settings), text: fresh })
    }
}
