//! Standard output, and what is said on standard error before logging starts.

use std::io::{self, ErrorKind, Write};

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

/// Says `text` on standard error, if anyone listens.
pub(crate) fn complain(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}
