//! Files of what is said on the sessions of single routers, for bug reports.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use driver_cli::SessionLogSink;
use jiff::Timestamp;
use parking_lot::Mutex;
use tracing::{error, warn};

/// How large a file gets before it becomes the old one, of which there is one.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// How many pieces wait for the disk. What comes beyond is left out: no session waits for a log.
const PIECES_MAX: usize = 256;
/// How long the end of the process waits for what is still to be written.
const LAST_PIECES_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes pieces of session logs to their files, on a thread of its own that is there from the first
/// piece on.
#[derive(Debug, Default)]
pub(crate) struct SessionLogFiles {
    writer: Mutex<Option<Writer>>,
}

#[derive(Debug)]
struct Writer {
    pieces: SyncSender<(PathBuf, String)>,
    /// Has nothing to say, and nobody at its other end once the thread is done.
    ended: Receiver<()>,
    left_out: u64,
}

impl Writer {
    fn start() -> io::Result<Self> {
        let (pieces, waiting) = sync_channel(PIECES_MAX);
        let (done, ended) = sync_channel(1);
        let thread = std::thread::Builder::new().name("session-log".to_owned());
        thread.spawn(move || {
            write_all(&waiting);
            drop(done);
        })?;
        Ok(Self { pieces, ended, left_out: 0 })
    }
}

impl SessionLogSink for SessionLogFiles {
    fn take(&self, path: &Path, piece: String) {
        let mut writer = self.writer.lock();
        if writer.is_none() {
            match Writer::start() {
                Ok(started) => *writer = Some(started),
                Err(error) => return error!(%error, "no thread to write session logs"),
            }
        }
        let Some(writer) = writer.as_mut() else { return };
        let piece = match writer.left_out {
            0 => piece,
            left_out => {
                format!("# {left_out} pieces of session logs are left out before this\n{piece}")
            }
        };
        match writer.pieces.try_send((path.to_owned(), piece)) {
            Ok(()) => writer.left_out = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                if writer.left_out == 0 {
                    warn!(path = %path.display(), "the disk is slow: session logs have gaps");
                }
                writer.left_out += 1;
            }
        }
    }
}

impl Drop for SessionLogFiles {
    /// Lets the thread write what it has, unless the disk takes too long.
    fn drop(&mut self) {
        let Some(Writer { pieces, ended, .. }) = self.writer.get_mut().take() else { return };
        drop(pieces);
        ended.recv_timeout(LAST_PIECES_TIMEOUT).ok();
    }
}

fn write_all(pieces: &Receiver<(PathBuf, String)>) {
    // Each file is complained about once, until it can be written to again.
    let mut unwritable = BTreeSet::new();
    for (path, piece) in pieces {
        match write(&path, &piece) {
            Ok(()) => drop(unwritable.remove(&path)),
            Err(error) => {
                if unwritable.insert(path.clone()) {
                    error!(path = %path.display(), %error, "the session log cannot be written");
                }
            }
        }
    }
}

/// Appends a piece, with the time at which it is written.
fn write(path: &Path, piece: &str) -> io::Result<()> {
    let piece = format!("# {:.3}\n{piece}", Timestamp::now());
    let mut file = open(path)?;
    if file.metadata()?.len() + piece.len() as u64 > FILE_BYTES_MAX {
        drop(file);
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(path, old)?;
        file = open(path)?;
    }
    file.write_all(piece.as_bytes())
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_appended_and_a_full_file_becomes_the_old_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("sessions/edge-1.log");
        let large = "x".repeat(5 << 20);
        let files = SessionLogFiles::default();
        for piece in ["# one\n", large.as_str(), "# two\n", large.as_str()] {
            files.take(&path, piece.to_owned());
        }
        drop(files);
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let (old, new) = (read("sessions/edge-1.log.1"), read("sessions/edge-1.log"));
        assert!(old.starts_with("# 2") && old.contains("\n# one\n") && old.ends_with("\n# two\n"));
        assert!(new.ends_with(&large) && new.len() < 6 << 20);
    }

    #[test]
    fn a_file_that_cannot_be_written_holds_nobody_up() {
        let files = SessionLogFiles::default();
        for _ in 0..PIECES_MAX * 2 {
            files.take(Path::new("/dev/null/edge-1.log"), "piece\n".to_owned());
        }
    }
}
