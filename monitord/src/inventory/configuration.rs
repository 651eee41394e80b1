use std::future::pending;
use std::time::Duration;

use pool_core::{Context, Phase};
use scheduler::{Confirmation, SourceError, SourceRecord};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::watcher::{Found, LOAD_TIMEOUT, RETRY_FIRST};
use crate::app::Parts;
use crate::reload::{Cause, FileWatch, Load, Loaded, Origin, told};
use crate::settings::{InventoryFile, Settings, Stamps};

/// Looks at the configuration whenever it is time, a file of it has changed, or somebody asks.
#[derive(Debug)]
pub(crate) struct ConfigurationWatch {
    origin: Origin,
    /// What runs, and what was found: from the one who decides about it.
    known: watch::Receiver<Known>,
    files: FileWatch,
    /// Whether what runs is not what a look has found: one is made at once then.
    is_stale: bool,
    /// The look that is under way. There is never more than one, so that a file system that hangs
    /// costs one thread.
    reading: Option<oneshot::Receiver<Load>>,
}

/// What those who look need to know.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// What runs.
    pub(crate) parts: Parts,
    /// How often everything is to be read again; only when told to, when absent.
    pub(crate) refresh: Option<Duration>,
    /// How often the files are to be looked at, if they are.
    pub(crate) watch: Option<Duration>,
    /// The files of the latest load.
    pub(crate) stamps: Stamps,
}

/// What a look at the configuration has found.
#[derive(Debug)]
pub(super) struct FoundConfiguration {
    pub(super) loaded: Result<Box<Loaded>, SourceError>,
    /// The files that it was found in; none when not even they could be found out.
    pub(super) stamps: Stamps,
    pub(super) confirmation: Confirmation,
    pub(super) cause: Cause,
    /// The latest request that it is an answer to.
    pub(super) request: u64,
}

impl Known {
    /// What is known of a configuration that runs.
    pub(crate) fn of(settings: &Settings, parts: &Parts, stamps: Stamps) -> Self {
        let (refresh, watch) = (settings.inventory_refresh, settings.watch);
        Self { parts: parts.clone(), refresh, watch, stamps }
    }
}

impl ConfigurationWatch {
    /// The configuration's name as a source of routers and lines.
    pub(crate) const NAME: &str = "configuration";

    /// Looks at what is at `origin`.
    pub(crate) fn new(origin: Origin, known: watch::Receiver<Known>, is_stale: bool) -> Self {
        Self { origin, known, files: FileWatch::new(), is_stale, reading: None }
    }

    /// Looks, until whoever takes what is found has gone.
    pub(super) async fn run(
        mut self,
        mut requests: watch::Receiver<u64>,
        finds: mpsc::Sender<Found>,
        shutdown: CancellationToken,
    ) {
        let mut changes = self.files.changes();
        let mut failures = 0;
        let mut next = if self.is_stale { Some(Instant::now()) } else { self.take_note(0) };
        loop {
            let (confirmation, cause) = tokio::select! {
                biased;
                changed = requests.changed() => match changed {
                    Ok(()) => (Confirmation::ByOperator, Cause::Asked),
                    Err(_) => return,
                },
                known = self.known.changed() => match known {
                    // What was found before is decided about, and there is more to be watched.
                    Ok(()) => {
                        next = self.take_note(failures);
                        continue;
                    }
                    Err(_) => return,
                },
                changed = changes.changed() => match changed {
                    Ok(()) => (Confirmation::None, Cause::Asked),
                    Err(_) => return,
                },
                () = at(next) => (Confirmation::None, Cause::Refresh),
            };
            let request = *requests.borrow_and_update();
            let ctx = Context::new(&shutdown, LOAD_TIMEOUT);
            let (loaded, stamps) = self.look(&ctx).await;
            failures = if loaded.is_err() { failures + 1 } else { 0 };
            next = self.after(failures);
            let found = FoundConfiguration { loaded, stamps, confirmation, cause, request };
            if finds.send(Found::Configuration(found)).await.is_err() {
                return;
            }
        }
    }

    /// Follows what is known now. Says when to look again.
    fn take_note(&mut self, failures: u32) -> Option<Instant> {
        let known = self.known.borrow_and_update().clone();
        self.files.follow(known.watch, &known.stamps);
        self.after(failures)
    }

    /// When to look again, after so many failures in a row.
    fn after(&self, failures: u32) -> Option<Instant> {
        let refresh = self.known.borrow().refresh?;
        let pause = match failures.checked_sub(1) {
            Some(more) if self.is_stale => {
                refresh.min(RETRY_FIRST * 2_u32.saturating_pow(more.min(16)))
            }
            _ => refresh,
        };
        Some(Instant::now() + pause)
    }

    /// Reads the configuration on a thread of its own: it waits for files, and for commands that
    /// print secrets.
    fn read(&self) -> Result<oneshot::Receiver<Load>, SourceError> {
        let (origin, parts) = (self.origin.clone(), self.known.borrow().parts.clone());
        let (sender, receiver) = oneshot::channel();
        let reading = move || {
            // Whoever asked may have gone.
            sender.send(origin.load(&parts)).ok();
        };
        let thread = std::thread::Builder::new().name("configuration".to_owned()).spawn(reading);
        thread.map_err(|error| SourceError(format!("no thread to read it on: {error}")))?;
        Ok(receiver)
    }

    async fn look(&mut self, ctx: &Context) -> (Result<Box<Loaded>, SourceError>, Stamps) {
        // A look that was given up may have read what has changed since.
        let stale = self.reading.take();
        let loading = async {
            if let Some(stale) = stale {
                self.reading.insert(stale).await.ok();
            }
            let reading = self.reading.insert(self.read()?).await;
            reading.map_err(|_| SourceError("reading it broke down: see the log".to_owned()))
        };
        let load = tokio::select! {
            biased;
            load = loading => load,
            ended = ctx.ended(Phase::Read) => {
                return (Err(SourceError(ended.to_string())), Stamps::new());
            }
        };
        self.reading = None;
        match load {
            Ok(Load { loaded, stamps }) => {
                (loaded.map(Box::new).map_err(|invalid| told(&invalid)), stamps)
            }
            Err(error) => (Err(error), Stamps::new()),
        }
    }
}

/// What is to be kept of a file of the inventory.
pub(crate) fn record_of(file: InventoryFile) -> SourceRecord {
    SourceRecord { origin: file.path.display().to_string(), text: file.text }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
