//! A log that leaves piece by piece, for sessions that live for days.

use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pool_core::Secret;

use super::entry::{Direction, Entry};
use super::{push, text};
use crate::redact::Redactor;

/// How much is held back at most until a piece leaves, in bytes sent and received.
const PIECE_BYTES_MAX: usize = 1 << 16;

/// Where what is said on sessions is written to, for bug reports about one device.
pub trait SessionLogSink: Debug + Send + Sync {
    /// Takes a piece of the log that belongs into the file `path`: lines as those of a
    /// [`SessionLog`](crate::SessionLog), with secrets masked, below one that begins with `#` and
    /// names the session. Must not block: it is called between two words of a session.
    fn take(&self, path: &Path, piece: String);
}

/// One session's log on its way.
///
/// A piece leaves when something is sent, as everything before has been said then, when it is large,
/// and at the end. What may be the beginning of a secret waits for the rest.
#[derive(Debug)]
pub(super) struct Stream {
    sink: Arc<dyn SessionLogSink>,
    path: PathBuf,
    title: String,
    secrets: Redactor,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Stream {
    pub(super) fn new(
        sink: Arc<dyn SessionLogSink>,
        path: PathBuf,
        title: String,
        secrets: Redactor,
    ) -> Self {
        Self { sink, path, title, secrets, entries: Vec::new(), bytes: 0 }
    }

    pub(super) fn hide(&mut self, secret: &Secret) {
        self.secrets.add(secret);
    }

    pub(super) fn add(&mut self, at: Duration, direction: Direction, bytes: &[u8]) {
        let is_whole = direction == Direction::Sent && self.cut_secret() == 0;
        if is_whole || self.bytes > PIECE_BYTES_MAX {
            self.leave();
        }
        self.bytes += bytes.len();
        push(&mut self.entries, at, direction, bytes);
    }

    /// How many bytes at the end of what was received may be the beginning of a secret.
    fn cut_secret(&self) -> usize {
        let received = self.entries.iter().filter(|entry| entry.direction == Direction::Received);
        let received: Vec<u8> = received.flat_map(|entry| &entry.bytes).copied().collect();
        self.secrets.cut_at_end(&received)
    }

    /// Hands on what there is.
    fn leave(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        self.mask_cut_secret();
        let mut piece = format!("# {}\n", self.title);
        if text::write(&mut piece, &self.entries, &self.secrets).is_err() {
            // Writing to a string cannot fail; a log is nothing to end a session for.
            let _cut = piece.write_str("# (cut)\n");
        }
        self.sink.take(&self.path, piece);
        self.entries.clear();
        self.bytes = 0;
    }

    /// Masks what may be the beginning of a secret of which the rest has not come.
    fn mask_cut_secret(&mut self) {
        let mut left = self.cut_secret();
        for entry in self.entries.iter_mut().rev() {
            if left == 0 || entry.direction == Direction::Sent {
                continue;
            }
            let cut = left.min(entry.bytes.len());
            left -= cut;
            entry.bytes.truncate(entry.bytes.len() - cut);
            entry.bytes.extend_from_slice(b"***");
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.leave();
    }
}
