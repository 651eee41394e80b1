//! Writes outcomes to a file, as JSON Lines, and rotates it.
//!
//! Everything that is in the spool gets there in order. A batch is on the disk before it is
//! settled; after a crash between the two it is written once more, so that a line may be there
//! twice, and never not at all.

use std::io::{self, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use pool_core::Context;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::DurableSink;
use crate::settings::FileSettings;
use crate::spool::{Closed, Lane, SpoolReader};
use crate::supervised::supervised;

/// The name of the sink in the spool.
pub(crate) const NAME: &str = "file";
/// How many outcomes are written at once: about 200 KB.
const BATCH_OUTCOMES_MAX: usize = 500;
/// How long the first outcome of a batch waits for others, so that the disk is not asked for
/// each of them.
const LINGER: Duration = Duration::from_secs(1);
/// The pause after a failed attempt to write.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long a batch that is being written may take when another sink is to take over.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How far back the last line end of a file is looked for. An outcome is much shorter.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// The sink. Dropping it ends its task; call [`finish`](DurableSink::finish) instead.
#[derive(Debug)]
pub(crate) struct FileSink {
    reader: SpoolReader,
    closing: CancellationToken,
    leaving: CancellationToken,
    task: JoinSet<()>,
}

impl FileSink {
    /// Starts writing what `reader` brings.
    pub(crate) fn start(settings: &FileSettings, reader: SpoolReader) -> Self {
        let closing = CancellationToken::new();
        let leaving = CancellationToken::new();
        let writer = {
            let (settings, reader) = (settings.clone(), reader.clone());
            let (closing, leaving) = (closing.clone(), leaving.clone());
            move || Writer {
                file: RotatingFile { settings: settings.clone(), open: None },
                reader: reader.clone(),
                closing: closing.clone(),
                leaving: leaving.clone(),
                failing: false,
            }
        };
        let mut task = JoinSet::new();
        task.spawn(supervised(NAME, move || writer().run()));
        Self { reader, closing, leaving, task }
    }
}

#[async_trait]
impl DurableSink for FileSink {
    async fn finish(mut self: Box<Self>, ctx: &Context, is_durable: bool) {
        self.closing.cancel();
        let in_time = timeout(ctx.remaining(), self.task.join_next()).await.is_ok();
        self.task.shutdown().await;
        let outcomes = self.reader.pending().await.unwrap_or(0);
        match (in_time && outcomes == 0, is_durable) {
            (true, _) => {}
            (false, true) => {
                info!(outcomes, "stopping: not written yet, and kept for the next start")
            }
            (false, false) => warn!(outcomes, "stopping: not written to the file, and lost"),
        }
    }

    async fn leave(mut self: Box<Self>) {
        // Between two batches, so that none is written twice; a disk that stands still is left alone.
        self.leaving.cancel();
        self.closing.cancel();
        drop(timeout(LEAVE_TIMEOUT, self.task.join_next()).await);
        self.task.shutdown().await;
    }
}

#[derive(Debug)]
struct Writer {
    file: RotatingFile,
    reader: SpoolReader,
    closing: CancellationToken,
    /// Cancelled when another takes over.
    leaving: CancellationToken,
    failing: bool,
}

impl Writer {
    async fn run(mut self) {
        // Its own order is all there is: what piled up is written first.
        while self.turn().await.is_ok() {}
    }

    async fn turn(&mut self) -> Result<(), Closed> {
        if self.leaving.is_cancelled() {
            return Err(Closed);
        }
        let lane = if self.write(Lane::Backlog).await? { return Ok(()) } else { Lane::Fresh };
        if self.write(lane).await? {
            return Ok(());
        }
        if self.closing.is_cancelled() {
            return Err(Closed);
        }
        let closing = self.closing.clone();
        tokio::select! {
            changed = self.reader.changed() => changed?,
            () = closing.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = sleep(LINGER) => {}
            () = closing.cancelled() => {}
        }
        Ok(())
    }

    /// Writes one batch. False when there was none.
    async fn write(&mut self, lane: Lane) -> Result<bool, Closed> {
        let records = self.reader.read(lane, BATCH_OUTCOMES_MAX).await?;
        let Some(last) = records.last() else { return Ok(false) };
        let mut text = String::new();
        for record in &records {
            text.push_str(&record.outcome);
            text.push('\n');
        }
        let path = self.file.settings.path.display().to_string();
        match self.file.append(text.as_bytes()).await {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    info!(path, "outcomes can be written again");
                }
                self.reader.settle(lane, last.seq).await?;
            }
            Err(error) => {
                self.file.open = None;
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(path, %error, "outcomes cannot be written: they wait");
                }
                let closing = self.closing.clone();
                tokio::select! {
                    () = sleep(RETRY_AFTER) => {}
                    () = closing.cancelled() => return Err(Closed),
                }
            }
        }
        Ok(true)
    }
}

/// A file that is renamed to `NAME.1` when it is full, and that one to `NAME.2`.
#[derive(Debug)]
struct RotatingFile {
    settings: FileSettings,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    inode: u64,
}

impl RotatingFile {
    /// Writes whole lines, and returns when they are on the disk.
    async fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.let_go_of_a_moved_file().await;
        let size = lines.len() as u64;
        let full = |open: &Open| open.bytes > 0 && open.bytes + size > self.settings.bytes_max;
        if self.open.as_ref().is_some_and(full) {
            self.open = None;
            self.rotate().await?;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let open = open(&self.settings.path).await?;
                if open.bytes > 0 && open.bytes + size > self.settings.bytes_max {
                    drop(open);
                    self.rotate().await?;
                    self::open(&self.settings.path).await?
                } else {
                    open
                }
            }
        };
        open.file.write_all(lines).await?;
        open.file.flush().await?;
        open.file.sync_data().await?;
        open.bytes += size;
        self.open = Some(open);
        Ok(())
    }

    /// Somebody else, logrotate perhaps, has taken the file away: a new one is begun.
    async fn let_go_of_a_moved_file(&mut self) {
        let Some(open) = &self.open else { return };
        let there = fs::metadata(&self.settings.path).await;
        if !there.is_ok_and(|there| there.ino() == open.inode) {
            self.open = None;
        }
    }

    async fn rotate(&self) -> io::Result<()> {
        let name = |number: usize| match number {
            0 => self.settings.path.clone(),
            number => suffixed(&self.settings.path, number),
        };
        for number in (0..self.settings.files_max - 1).rev() {
            match fs::rename(name(number), name(number + 1)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn suffixed(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Opens the file behind its last whole line: a crash may have left a piece of one.
async fn open(path: &Path) -> io::Result<Open> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).await?;
    let metadata = file.metadata().await?;
    let from = metadata.len().saturating_sub(LINE_BYTES_MAX);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from)).await?;
    (&mut file).take(LINE_BYTES_MAX).read_to_end(&mut tail).await?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    let bytes = from + whole;
    if bytes < metadata.len() {
        warn!(path = %path.display(), bytes = metadata.len() - bytes, "a piece of a line is cut off");
        file.set_len(bytes).await?;
    }
    Ok(Open { file, bytes, inode: metadata.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, bytes_max: u64, files_max: usize) -> RotatingFile {
        let path = folder.path().join("outcomes.jsonl");
        RotatingFile { settings: FileSettings { path, bytes_max, files_max }, open: None }
    }

    fn read(folder: &tempfile::TempDir, suffix: &str) -> String {
        let path = folder.path().join(format!("outcomes.jsonl{suffix}"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_full_file_makes_room_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(&folder, 8, 3);
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
            file.append(line.as_bytes()).await.unwrap();
        }
        let there = ["", ".1", ".2", ".3"].map(|suffix| read(&folder, suffix));
        assert_eq!(there, ["five\n", "four\n", "three\n", ""]);
    }

    #[tokio::test]
    async fn a_piece_of_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("outcomes.jsonl"), "one\ntw").unwrap();
        file(&folder, 1000, 3).append(b"two\n").await.unwrap();
        assert_eq!(read(&folder, ""), "one\ntwo\n");
    }

    #[tokio::test]
    async fn a_file_that_was_taken_away_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(&folder, 1000, 3);
        file.append(b"one\n").await.unwrap();
        std::fs::rename(&file.settings.path, folder.path().join("elsewhere")).unwrap();
        file.append(b"two\n").await.unwrap();
        assert_eq!(read(&folder, ""), "two\n");
    }
}
