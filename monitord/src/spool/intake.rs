use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use parking_lot::Mutex;
use pool_core::Context;
use scheduler::Outcome;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::warn;

use super::change::NoAnswer;
use super::store::Store;
use super::worker::{Command, Worker};
use super::{Directory, Locked, Record, SpoolReader, SpoolSettings, Terms};
use crate::metrics::SpoolMetrics;

/// How much may be on its way to the thread: what a fleet of 10,000 lines brings while a disk
/// stands still for some seconds, in about 10 MB.
const COMMANDS_MAX: usize = 16_384;
/// One warning for so many outcomes that found no place.
const LOST_PER_WARNING: u64 = 1000;

/// The way into the spool, and its thread.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(super) commands: mpsc::Sender<Command>,
    heads: watch::Receiver<u64>,
    /// Of all sinks that there have been, in the order in which they came.
    pub(super) names: Mutex<Vec<&'static str>>,
    /// By which it keeps outcomes now.
    pub(super) terms: Mutex<Terms>,
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
        let (spool, work) = Self::open(settings, names, metrics)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .context("no runtime for the spool's thread")?;
        let thread = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || runtime.block_on(work))
            .context("no thread for the spool")?;
        *spool.thread.lock() = Some(thread);
        Ok(spool)
    }

    /// As [`start`](Self::start), on a thread of its own, because disks may stand still, and a spool
    /// that was damaged takes its time.
    ///
    /// # Errors
    ///
    /// As `start`, and when `ctx` ended before it was done, at its deadline with [`NoAnswer`]. Nothing
    /// of it remains, once the disk answers.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as if it had failed.
    pub(crate) async fn start_apart(
        ctx: &Context,
        settings: &SpoolSettings,
        names: Vec<&'static str>,
        metrics: Arc<SpoolMetrics>,
    ) -> Result<Self> {
        let settings = settings.clone();
        answer_of(ctx, move || Self::start(&settings, names, metrics)).await?
    }

    /// Opens the spool. Returns also what its thread is to do, which has not begun.
    pub(crate) fn open(
        settings: &SpoolSettings,
        names: Vec<&'static str>,
        metrics: Arc<SpoolMetrics>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<>)> {
        let directory = settings.directory.as_deref().map(Directory::new);
        let lock = directory.as_ref().map(Directory::lock).transpose()?;
        let store = Store::open(settings, &names, metrics.clone())?;
        let durable = store.is_durable();
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (sender, heads) = watch::channel(store.head());
        let work = Worker::new(store, sender).run(inbox);
        let terms = Mutex::new(Terms { names: names.clone(), bounds: settings.clone() });
        let (names, thread) = (Mutex::new(names), Mutex::default());
        Ok((Self { commands, heads, names, terms, metrics, durable, thread, _lock: lock }, work))
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

/// What comes of `work` on a thread, if it comes within `ctx`. Otherwise it is dropped when it comes.
async fn answer_of<T: Send + 'static>(
    ctx: &Context,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (done, answer) = oneshot::channel();
    std::thread::Builder::new()
        .name("spool-start".to_owned())
        // Nobody waits any more when it cannot be given away.
        .spawn(move || drop(done.send(work())))
        .context("no thread to open the spool")?;
    let patience = ctx.remaining();
    let answered = tokio::select! {
        biased;
        answered = timeout(patience, answer) => answered.map_err(|_| NoAnswer(patience))?,
        () = ctx.cancelled() => bail!("cancelled before the spool was open"),
    };
    answered.context("the thread that opened the spool has panicked")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_a_disk_that_stands_still_is_back_and_nothing_stays_behind() {
        let (disk, stands_still) = mpsc::channel::<()>();
        let opened = Arc::new(());
        let held = opened.clone();
        let open = move || {
            stands_still.recv().ok();
            held
        };
        let refused = answer_of(&Context::detached(Duration::from_millis(10)), open).await;
        assert!(refused.unwrap_err().is::<NoAnswer>());
        drop(disk);

        let (disk, stands_still) = mpsc::channel::<()>();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let ctx = Context::new(&cancel, Duration::from_secs(60));
        let refused = answer_of(&ctx, move || stands_still.recv().ok()).await;
        assert_eq!(refused.unwrap_err().to_string(), "cancelled before the spool was open");
        drop(disk);
        while Arc::strong_count(&opened) > 1 {
            tokio::task::yield_now().await;
        }
        let patient = Context::detached(Duration::from_secs(60));
        assert_eq!(answer_of(&patient, || 7).await.unwrap(), 7);
    }
}
