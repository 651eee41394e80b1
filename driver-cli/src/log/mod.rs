//! What was said on a session, for people who want to know why it went wrong.

mod entry;
mod recorder;
mod stream;
mod text;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pool_core::{ConnectionConfig, Secret};

use self::entry::{Direction, Entry};
use crate::redact::Redactor;

pub(crate) use self::recorder::Recorder;
pub use self::stream::SessionLogSink;

/// How much is kept, in bytes sent and received. A login and a ping take some kilobytes; a device
/// that never stops must not fill the memory.
const BYTES_MAX: usize = 1 << 20;
/// What is received within this time is shown as one piece: a device that sends single characters
/// would fill a line with each.
const PIECE_TIME: Duration = Duration::from_millis(5);

/// A transcript of sessions: what was sent and received, and when, with secrets masked.
///
/// Given to a factory ([`CliFactory::logging_to`](crate::CliFactory::logging_to)), it grows while
/// its sessions talk; clones share it. `Display` writes one line for each thing said, and for
/// each line of it: the time in seconds, `>` for what was sent and `<` for what was received, and
/// the text in quotes, with control characters as in Rust.
///
/// ```text
/// # cisco_iosxe at 192.0.2.1:22
///      0.000 < "\r\n"
///      0.000 < "R1#"
///      0.101 > "\n"
/// ```
///
/// Where the device closed its side, the line ends in `< (closed)`. The credentials of a session and
/// hidden answers are `***`, also where the device echoes them in pieces. At most 1 MiB is kept.
#[derive(Clone, Default)]
pub struct SessionLog(Arc<Mutex<Vec<Recording>>>);

impl SessionLog {
    /// A log of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to record one more session, and tells its place.
    fn begin(&self, config: &ConnectionConfig) -> usize {
        let title = title(config);
        let secrets = Redactor::of(&config.credentials);
        let mut recordings = self.0.lock();
        recordings.push(Recording { title, secrets, ..Recording::default() });
        recordings.len() - 1
    }

    fn add(&self, place: usize, at: Duration, direction: Direction, bytes: &[u8]) {
        self.0.lock()[place].add(at, direction, bytes);
    }

    fn hide(&self, place: usize, secret: &Secret) {
        self.0.lock()[place].secrets.add(secret);
    }
}

/// What stands above a session.
fn title(config: &ConnectionConfig) -> String {
    format!("{} at {}", config.platform, config.endpoint)
}

/// Adds what was said to `entries`.
fn push(entries: &mut Vec<Entry>, at: Duration, direction: Direction, bytes: &[u8]) {
    match entries.last_mut() {
        Some(last) if !bytes.is_empty() && last.takes(at, direction) => {
            last.bytes.extend_from_slice(bytes);
        }
        _ => entries.push(Entry { at, direction, bytes: bytes.to_vec() }),
    }
}

impl fmt::Display for SessionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for recording in self.0.lock().iter() {
            writeln!(f, "# {}", recording.title)?;
            text::write(f, &recording.entries, &recording.secrets)?;
            if recording.left_out > 0 {
                writeln!(f, "# {} bytes more are left out", recording.left_out)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SessionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionLog({})", self.0.lock().len())
    }
}

/// One session's part of a log.
#[derive(Default)]
struct Recording {
    title: String,
    secrets: Redactor,
    entries: Vec<Entry>,
    bytes: usize,
    /// How many bytes came when it was full.
    left_out: usize,
}

impl Recording {
    fn add(&mut self, at: Duration, direction: Direction, bytes: &[u8]) {
        if self.bytes + bytes.len() > BYTES_MAX {
            self.left_out += bytes.len();
            return;
        }
        self.bytes += bytes.len();
        push(&mut self.entries, at, direction, bytes);
    }
}
