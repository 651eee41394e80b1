use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a shell reports for a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

/// The SIGHUPs from now on.
#[derive(Debug)]
pub(crate) struct HangUps(Signal);

impl HangUps {
    /// Installs the handler.
    ///
    /// # Errors
    ///
    /// When the operating system refuses it.
    pub(crate) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one. Several that come together are one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // The signal handling of the runtime is gone, and with it the process in a moment.
            std::future::pending().await
        }
    }
}

/// Installs the signal handlers, and returns the token that the first SIGTERM or SIGINT cancels.
/// The second one ends the process at once. SIGHUP, whose default is to end the process, does not;
/// whoever has a use for it listens to [`HangUps`].
///
/// # Errors
///
/// When the operating system refuses a handler.
pub(crate) fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = HangUps::listen()?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = hang_up.next() => continue,
            }
            if token.is_cancelled() {
                warn!("second signal: ending at once, with outcomes undelivered");
                std::process::exit(EXIT_INTERRUPTED);
            }
            info!("stopping; a second signal ends at once");
            token.cancel();
        }
    });
    Ok(shutdown)
}
