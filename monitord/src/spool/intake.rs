use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use parking_lot::Mutex;
use pool_core::Context;
use scheduler::Outcome;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::warn;

use super::store::Store;
use super::worker::{Command, Worker};
use super::{Directory, Locked, Record, SpoolReader, SpoolSettings};
use crate::metrics::SpoolMetrics;

/// How much may be on its way to the thread: what a fleet of 10,000 lines brings while a disk
/// stands still for some seconds, in about 10 MB.
const COMMANDS_MAX: usize = 16_384;
/// One warning for so many outcomes that found no place.
const LOST_PER_WARNING: u64 = 1000;

/// The way into the spool, and its thread.
#[derive(Debug)]
pub(crate) struct Spool {
    commands: mpsc::Sender<Command>,
    heads: watch::Receiver<u64>,
    /// Of all sinks that there have been, in the order in which they came.
    names: Mutex<Vec<&'static str>>,
    metrics: Arc<SpoolMetrics>,
    durable: bool,
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: Option<Locked>,
}

impl Spool {
    /// Opens the spool for the sinks of these names and starts its thread.
    ///
    /// # Errors
    ///
    /// When its directory cannot be made, or is used by another process.
    pub(crate) fn start(
        settings: &SpoolSettings,
        names: Vec<&'static str>,
        metrics: Arc<SpoolMetrics>,
    ) -> Result<Self> {
        let directory = settings.directory.as_deref().map(Directory::new);
        let lock = directory.as_ref().map(Directory::lock).transpose()?;
        let store = Store::open(settings, &names, metrics.clone())?;
        let durable = store.is_durable();
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (sender, heads) = watch::channel(store.head());
        let worker = Worker::new(store, sender);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .context("no runtime for the spool's thread")?;
        let thread = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || runtime.block_on(worker.run(inbox)))
            .context("no thread for the spool")?;
        let (names, thread) = (Mutex::new(names), Mutex::new(Some(thread)));
        Ok(Self { commands, heads, names, metrics, durable, thread, _lock: lock })
    }

    /// Whether what is not delivered outlives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable
    }

    /// Keeps an outcome until every sink has settled it. Never waits: what comes while the disk
    /// stands still for long is counted and said.
    pub(crate) fn append(&self, outcome: &Outcome) {
        let record = Record::of(outcome, Timestamp::now());
        if self.commands.try_send(Command::Append(record)).is_err() {
            let so_far = self.metrics.lost("busy").inc();
            if so_far.is_multiple_of(LOST_PER_WARNING) {
                warn!(
                    lost_total = so_far + 1,
                    "the spool's disk does not keep up: outcomes are lost"
                );
            }
        }
    }

    /// The view of the sink of this name.
    pub(crate) fn reader(&self, name: &str) -> SpoolReader {
        let sink = self.names.lock().iter().position(|known| *known == name);
        SpoolReader {
            sink: sink.expect("the spool was told of this sink"),
            commands: self.commands.clone(),
            heads: self.heads.clone(),
        }
    }

    /// Keeps outcomes for the sinks of these names from now on, and for no other: one that is new
    /// begins with what comes next, and what one that is gone had not taken is dropped. Returns
    /// when it is done.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, it is done all the same or not at all; call it again.
    pub(crate) async fn want(&self, ctx: &Context, wanted: Vec<&'static str>) -> bool {
        {
            let mut names = self.names.lock();
            let fresh = wanted.iter().filter(|name| !names.contains(name)).copied();
            let fresh: Vec<_> = fresh.collect();
            names.extend(fresh);
        }
        self.ask(ctx, |done| Command::Want(wanted, done)).await
    }

    /// Keeps as much and for as long as `bounds` say from now on. The directory stays what it is.
    pub(crate) async fn set_bounds(&self, bounds: SpoolSettings) {
        // Fails only when the thread has ended, and then nothing is kept anyway.
        self.commands.send(Command::Bounds(bounds)).await.ok();
    }

    /// Waits for the end of the thread, which comes before its time only by a mistake of ours.
    pub(crate) async fn broken(&self) {
        self.commands.closed().await;
    }

    /// Waits until everything is written that was appended before.
    pub(crate) async fn flush(&self, ctx: &Context) {
        self.ask(ctx, Command::Flush).await;
    }

    /// Writes what there is, and ends the thread.
    pub(crate) async fn stop(&self, ctx: &Context) {
        let stopped = self.ask(ctx, Command::Stop).await;
        let thread = self.thread.lock().take();
        match thread {
            // It has said its last word: there is nothing to wait for.
            Some(thread) if stopped => {
                if thread.join().is_err() {
                    warn!("the spool's thread has panicked");
                }
            }
            _ => warn!("stopping: the spool's disk does not answer"),
        }
    }

    async fn ask(
        &self,
        ctx: &Context,
        command: impl FnOnce(oneshot::Sender<()>) -> Command,
    ) -> bool {
        let (done, is_done) = oneshot::channel();
        let asked =
            async { self.commands.send(command(done)).await.is_ok() && is_done.await.is_ok() };
        timeout(ctx.remaining(), asked).await.unwrap_or(false)
    }
}
