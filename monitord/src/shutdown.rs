//! Signals: who asks the process to stop, or to read its configuration again.

use std::io;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a shell reports for a process that SIGHUP, SIGINT or SIGTERM ended.
const EXIT_HUNG_UP: i32 = 129;
const EXIT_INTERRUPTED: i32 = 130;
const EXIT_TERMINATED: i32 = 143;
/// How long may be cleared up before a signal ends the process: whoever holds what is needed for that
/// may wait for a terminal that takes nothing.
const CLEAR_UP_MAX: Duration = Duration::from_secs(1);

/// The signals of a daemon, taken by a thread of its own from before anything else is done: they are
/// heard while the configuration is read, and when the runtime stands still.
#[derive(Debug)]
pub(crate) struct Signals {
    shutdown: CancellationToken,
    hang_ups: watch::Receiver<u64>,
    has_started: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the handlers. The first SIGTERM or SIGINT ends the process at once as long as it
    /// [has not started](Self::started); then the first cancels [`shutdown`](Self::shutdown), and
    /// the second ends it at once.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a handler, or the thread.
    pub(crate) fn install() -> io::Result<Self> {
        let shutdown = CancellationToken::new();
        let has_started = Arc::new(AtomicBool::new(false));
        let (sender, hang_ups) = watch::channel(0);
        let listener =
            Listener { shutdown: shutdown.clone(), has_started: has_started.clone(), sender };
        listen(|handlers| listener.run(handlers))?;
        Ok(Self { shutdown, hang_ups, has_started })
    }

    /// Cancelled when the process is to stop.
    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// From now on there is something to be brought to an end when the process is to stop.
    pub(crate) fn started(&self) {
        self.has_started.store(true, Ordering::SeqCst);
    }

    /// The SIGHUPs, those included that have come already.
    pub(crate) fn hang_ups(&self) -> HangUps {
        HangUps(self.hang_ups.clone())
    }
}

/// The SIGHUPs.
#[derive(Debug)]
pub(crate) struct HangUps(watch::Receiver<u64>);

impl HangUps {
    /// Waits for the next one. Several that come together are one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The thread that listens has gone, and with it the process in a moment.
            std::future::pending().await
        }
    }
}

#[derive(Debug)]
struct Handlers {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Handlers {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the first signal. Returns what a shell reports for a process that it ended.
    async fn end(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => EXIT_TERMINATED,
            _ = self.interrupt.recv() => EXIT_INTERRUPTED,
            _ = self.hang_up.recv() => EXIT_HUNG_UP,
        }
    }
}

/// Installs the handlers in a thread of their own, and has them listened to there.
fn listen<F: Future<Output = ()>>(
    run: impl FnOnce(Handlers) -> F + Send + 'static,
) -> io::Result<()> {
    let (installed, is_installed) = sync_channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let handlers = Handlers::install();
            let (handlers, result) = match handlers {
                Ok(handlers) => (Some(handlers), Ok(())),
                Err(error) => (None, Err(error)),
            };
            installed.send(result).ok();
            if let Some(handlers) = handlers {
                run(handlers).await;
            }
        });
    })?;
    is_installed.recv().map_err(io::Error::other)?
}

#[derive(Debug)]
struct Listener {
    shutdown: CancellationToken,
    has_started: Arc<AtomicBool>,
    sender: watch::Sender<u64>,
}

impl Listener {
    async fn run(self, mut handlers: Handlers) {
        loop {
            tokio::select! {
                _ = handlers.terminate.recv() => {}
                _ = handlers.interrupt.recv() => {}
                _ = handlers.hang_up.recv() => {
                    self.sender.send_modify(|count| *count += 1);
                    continue;
                }
            }
            if !self.has_started.load(Ordering::SeqCst) {
                // Nothing has been done that has to be brought to an end.
                exit(0);
            }
            stop(&self.shutdown);
        }
    }
}

/// Begins to stop, or ends what does not stop soon enough for somebody.
fn stop(shutdown: &CancellationToken) {
    if shutdown.is_cancelled() {
        warn!("second signal: ending at once, with outcomes undelivered");
        exit(EXIT_INTERRUPTED);
    }
    info!("stopping; a second signal ends at once");
    shutdown.cancel();
}

/// Installs the signal handlers of a command that ends by itself, and returns the token that the
/// first SIGTERM or SIGINT cancels. The second one ends the process at once. SIGHUP, whose default
/// is to end the process, does nothing.
///
/// # Errors
///
/// When the operating system refuses a handler.
pub(crate) fn on_signal() -> io::Result<CancellationToken> {
    let mut handlers = Handlers::install()?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = handlers.terminate.recv() => {}
                _ = handlers.interrupt.recv() => {}
                _ = handlers.hang_up.recv() => continue,
            }
            stop(&token);
        }
    });
    Ok(shutdown)
}

/// Has the first SIGTERM, SIGINT or SIGHUP end the process when `clear_up` has returned, and after a
/// second in any case. What `clear_up` returns is held until the end.
///
/// # Errors
///
/// When the operating system refuses a handler, or the thread.
pub(crate) fn clear_up_first<T>(clear_up: impl FnOnce() -> T + Send + 'static) -> io::Result<()> {
    listen(|mut handlers| async move {
        let code = handlers.end().await;
        let clearing_up = std::thread::Builder::new().name("clear up".to_owned());
        let spawned = clearing_up.spawn(move || {
            let _held = clear_up();
            exit(code);
        });
        if spawned.is_ok() {
            tokio::time::sleep(CLEAR_UP_MAX).await;
        }
        exit(code);
    })
}
