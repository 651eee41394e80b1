use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pool_core::{Context, Phase};
use scheduler::{Inventory, InventorySource, SourceError, SourceRecord};
use tokio::sync::{oneshot, watch};

use crate::catalog::Catalog;
use crate::inventory::Kept;
use crate::inventory::zabbix::Resolver;
use crate::settings::{self, Environment, Invalid, InventoryFile, Override, Settings};

/// How many problems of a broken configuration a message has.
const PROBLEMS_TOLD_MAX: usize = 3;

/// The routers and lines of the configuration: those in the file itself and those of
/// `inventory.file`, with the defaults they share. Everything else in it is as it was at start.
#[derive(Debug)]
pub(crate) struct ConfigurationSource {
    path: PathBuf,
    environment: Environment,
    overrides: Vec<Override>,
    catalog: Catalog,
    /// The look that is under way. There is never more than one, so that a file system that hangs
    /// costs one thread.
    reading: Option<oneshot::Receiver<Loaded>>,
    /// The file of the inventory, as it was read last, until it is asked for.
    record: Option<SourceRecord>,
    /// The text of it that was asked for last.
    recorded: Option<String>,
    /// Where others learn what has changed for them.
    resolver: watch::Sender<Arc<Resolver>>,
}

type Loaded = Result<Settings, SourceError>;

impl ConfigurationSource {
    /// The source's name.
    pub(crate) const NAME: &str = "configuration";

    /// What [`settings::load`] reads with the same arguments. What it says that concerns the lines
    /// of other sources is told through `resolver`.
    pub(crate) fn new(
        path: PathBuf,
        overrides: Vec<Override>,
        catalog: Catalog,
        resolver: watch::Sender<Arc<Resolver>>,
    ) -> Self {
        let environment = Environment::of_process();
        let (record, recorded) = (None, None);
        Self { path, environment, overrides, catalog, reading: None, record, recorded, resolver }
    }

    /// Reads the configuration on a thread of its own: it waits for files, and for commands that
    /// print secrets.
    fn read(&self) -> Result<oneshot::Receiver<Loaded>, SourceError> {
        let (path, environment) = (self.path.clone(), self.environment.clone());
        let (overrides, catalog) = (self.overrides.clone(), self.catalog.clone());
        let (sender, receiver) = oneshot::channel();
        let reading = move || {
            let loaded = settings::load(&path, &environment, &overrides, &catalog);
            // Whoever asked may have gone.
            sender.send(loaded.map_err(|invalid| told(&invalid))).ok();
        };
        let thread = std::thread::Builder::new().name("configuration".to_owned()).spawn(reading);
        thread.map_err(|error| SourceError(format!("no thread to read it on: {error}")))?;
        Ok(receiver)
    }
}

/// What is read at a start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) settings: Settings,
    /// Since when the inventory is as it is, and why it is not what the file says now, if it is
    /// what was kept of it.
    pub(crate) kept: Option<(Timestamp, SourceError)>,
}

/// Reads the settings. When something is wrong, and all of it with the file of the inventory, what
/// was kept of that file counts.
///
/// # Errors
///
/// Everything that is wrong.
pub(crate) fn start(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
    catalog: &Catalog,
) -> Result<Start, Invalid> {
    let invalid = match settings::load(path, environment, overrides, catalog) {
        Ok(settings) => return Ok(Start { settings, kept: None }),
        Err(invalid) => invalid,
    };
    let kept = settings::inventory_places(path, environment, overrides);
    let record = kept.and_then(|(known_hosts, file)| {
        let origin = file.display().to_string();
        Kept::beside(&known_hosts).load(ConfigurationSource::NAME, &origin)
    });
    let Some(record) = record else { return Err(invalid) };
    let text = Some(record.text.as_str());
    match settings::load_with(path, environment, overrides, catalog, text) {
        Ok(settings) => Ok(Start { settings, kept: Some((record.saved_at, told(&invalid))) }),
        Err(_) => Err(invalid),
    }
}

/// What is to be kept of a file of the inventory.
pub(crate) fn record_of(file: InventoryFile) -> SourceRecord {
    SourceRecord { origin: file.path.display().to_string(), text: file.text }
}

fn told(invalid: &Invalid) -> SourceError {
    let problems = invalid.0.iter().take(PROBLEMS_TOLD_MAX).map(ToString::to_string);
    let mut text = problems.collect::<Vec<_>>().join("; ");
    let more = invalid.0.len().saturating_sub(PROBLEMS_TOLD_MAX);
    if more > 0 {
        text.push_str(&format!("; and {more} more, see `monitord validate`"));
    }
    SourceError(text)
}

#[async_trait]
impl InventorySource for ConfigurationSource {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn load(&mut self, ctx: &Context) -> Result<Inventory, SourceError> {
        // A look that was given up may have read what has changed since.
        let stale = self.reading.take();
        let loading = async {
            if let Some(stale) = stale {
                self.reading.insert(stale).await.ok();
            }
            let reading = self.reading.insert(self.read()?).await;
            reading.unwrap_or_else(|_| Err(SourceError("reading it broke down".to_owned())))
        };
        let late = async { Err(SourceError(ctx.ended(Phase::Read).await.to_string())) };
        let loaded = tokio::select! {
            biased;
            loaded = loading => loaded,
            late = late => return late,
        };
        self.reading = None;
        let settings = loaded?;
        let resolver = settings.resolver(self.catalog.clone());
        self.resolver.send_if_modified(|known| {
            let is_new = !known.is_like(&resolver);
            if is_new {
                *known = Arc::new(resolver);
            }
            is_new
        });
        self.record = settings.inventory_file.map(record_of);
        Ok(settings.inventory)
    }

    fn record(&mut self) -> Option<SourceRecord> {
        let fresh = self.record.take()?;
        if self.recorded.as_ref() == Some(&fresh.text) {
            return None;
        }
        self.recorded = Some(fresh.text.clone());
        Some(fresh)
    }
}
