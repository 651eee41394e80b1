//! Standard output, and what is said on standard error before logging starts.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Stdout, stdout};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Colours, on a terminal only, and not where `NO_COLOR` asks for none (<https://no-color.org>).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// For standard output.
    pub(crate) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { is_on: io::stdout().is_terminal() && !refused && !is_dumb }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// How long a reader who does not read is waited for once we are asked to stop.
const READER_PATIENCE: Duration = Duration::from_secs(3);

/// Writes results to standard output. When its reader has gone, writing goes on into nothing:
/// `monitord once | head -1` is not an error.
#[derive(Debug, Default)]
pub(crate) struct Output {
    closed: bool,
}

impl Output {
    /// Writes `text`, which ends its own lines, and flushes.
    ///
    /// # Errors
    ///
    /// When it cannot be written, for another reason than that nobody reads.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written,
        }
    }
}

/// As [`Output`], for what is written while signals are handled: a reader who has stopped reading
/// must not keep the process from ending.
#[derive(Debug)]
pub(crate) struct InterruptibleOutput {
    stdout: Option<Stdout>,
    stop: CancellationToken,
}

impl InterruptibleOutput {
    /// Standard output until `stop` is cancelled, and for a short while after that.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { stdout: Some(stdout()), stop }
    }

    /// Writes `text`, which ends its own lines, and flushes.
    ///
    /// # Errors
    ///
    /// When it cannot be written, for another reason than that nobody reads.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part of the text may be written.
    pub(crate) async fn write(&mut self, text: &str) -> io::Result<()> {
        let Some(stdout) = &mut self.stdout else { return Ok(()) };
        let writing = async {
            stdout.write_all(text.as_bytes()).await?;
            stdout.flush().await
        };
        let patience = async {
            self.stop.cancelled().await;
            sleep(READER_PATIENCE).await;
        };
        let written = tokio::select! {
            biased;
            written = writing => Some(written),
            () = patience => None,
        };
        match written {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
            Some(Err(_)) => {}
            None => warn!("stopping: nobody reads standard output, the rest is not written"),
        }
        self.stdout = None;
        Ok(())
    }
}

/// How long something may take before it is said what it is at.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for `work`, and on a terminal says on standard error every two seconds what it is at.
///
/// # Cancel safety
///
/// As cancel safe as `work`.
pub(crate) async fn with_progress<T>(work: impl Future<Output = T>, at: impl Fn() -> String) -> T {
    let mut work = std::pin::pin!(work);
    let begun = tokio::time::Instant::now();
    let is_watched = io::stderr().is_terminal();
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = sleep(PATIENCE), if is_watched => {
                complain(&format!("monitord: {} s: {}", begun.elapsed().as_secs(), at()));
            }
        }
    }
}

/// Says `text` on standard error, if anyone listens.
pub(crate) fn complain(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}
