use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a shell reports for a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Installs the signal handlers, and returns the token that the first SIGTERM or SIGINT cancels.
/// The second one ends the process at once. SIGHUP is ignored, with a word about it, because its
/// default is to end the process.
///
/// # Errors
///
/// When the operating system refuses a handler.
pub(crate) fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {
                    warn!("SIGHUP is ignored: restart to read the configuration again");
                    continue;
                }
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
