use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::host_index::HostIndex;
use crate::known_hosts::{HostRecord, KnownKey, entry_line};

/// The largest `known_hosts` that is read, in bytes: room for 100,000 hosts.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Only we need to read it; whoever can write it decides whom we trust.
const FILE_MODE: u32 = 0o600;

/// For how long the file is taken to be what it was at the last look. A host whose key does not
/// match is looked up afresh before it is refused.
const BELIEF_TIME: Duration = Duration::from_secs(1);
/// A file that was written more recently than this before it was read may have been written once
/// more without a change in its times: file systems count in steps, of two seconds at most.
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// The `known_hosts` file. Almost all of it may block, on a slow disk.
///
/// What was read is kept, and read again when the file has changed. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct HostKeyStore {
    path: Arc<Path>,
    memory: Arc<Mutex<Option<Memory>>>,
}

/// The file as it was read.
#[derive(Debug)]
struct Memory {
    index: Arc<HostIndex>,
    version: Option<Version>,
    /// When it was last seen to be that version.
    seen: Instant,
}

/// What tells one content of the file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What became of a key that was to be remembered.
#[derive(Debug)]
pub(crate) enum Remembered {
    /// It is in the file now.
    Added,
    /// Somebody else has written about this host or this key in the meantime: this is what.
    Overtaken(HostRecord),
    /// Somebody else is writing at this moment; to be tried again in a few milliseconds.
    Locked,
}

impl HostKeyStore {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.into(), memory: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says about the host `name`, if it is known, and was a moment ago. Does not
    /// touch the file.
    pub(crate) fn recall(&self, name: &str) -> Option<Arc<HostRecord>> {
        let index = {
            let memory = self.memory.lock();
            let memory = memory.as_ref().filter(|memory| memory.seen.elapsed() < BELIEF_TIME)?;
            memory.index.clone()
        };
        let record = index.is_quick(name).then(|| index.find(name));
        record.filter(|record| !record.keys.is_empty())
    }

    /// What the file says about the host `name`. A file that does not exist says nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, with its path.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<HostRecord>, String> {
        let index = self.index().map_err(|error| self.failed("read", &error))?;
        Ok(index.find(name))
    }

    /// The file as it is now.
    fn index(&self) -> io::Result<Arc<HostIndex>> {
        let seen = Instant::now();
        // Before it is read: what is written in between makes another version.
        let version = Version::of(&self.path);
        if let Some(memory) = &mut *self.memory.lock()
            && version.is_some()
            && memory.version == version
        {
            memory.seen = seen;
            return Ok(memory.index.clone());
        }
        let index = Arc::new(HostIndex::new(self.read()?));
        *self.memory.lock() = Some(Memory { index: index.clone(), version, seen });
        Ok(index)
    }

    /// Adds `key` for the host `name`, of which nothing was known so far. Safe among the threads
    /// and processes that do it this way: one writes at a time, under a lock beside the file, and
    /// the file is replaced as a whole.
    ///
    /// # Errors
    ///
    /// Why it cannot be written, with its path.
    pub(crate) fn remember(&self, name: &str, key: &KnownKey) -> Result<Remembered, String> {
        self.try_remember(name, key).map_err(|error| self.failed("write", &error))
    }

    fn try_remember(&self, name: &str, key: &KnownKey) -> io::Result<Remembered> {
        // Before anything is written, and again under the lock.
        self.read()?;
        let path = self.real_path();
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::create_dir_all(directory.unwrap_or(Path::new(".")))?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(FILE_MODE)
            .open(beside(&path, "lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Remembered::Locked),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut file = self.read()?;
        let record = HostRecord::find(&file, name);
        if !record.keys.is_empty() || record.revoked.contains(key) {
            return Ok(Remembered::Overtaken(record));
        }
        if !file.is_empty() && !file.ends_with(b"\n") {
            file.push(b'\n');
        }
        file.extend_from_slice(entry_line(name, key).as_bytes());
        replace(&path, &file)?;
        *self.memory.lock() = None;
        Ok(Remembered::Added)
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_file() => {}
            // Opening a pipe would wait for its other end, and replacing a device, `/dev/null`
            // above all, would take it from everybody on the machine.
            Ok(_) => return Err(io::Error::other("it is not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
        let file = File::open(&self.path)?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len > FILE_BYTES_MAX) {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB"));
        }
        Ok(bytes)
    }

    /// The file that a symbolic link points to, so that the link is not replaced by a file.
    fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.to_path_buf())
    }

    fn failed(&self, what: &str, error: &io::Error) -> String {
        format!("cannot {what} {}: {error}", self.path.display())
    }
}

impl Version {
    /// The version of the file at `path`, if there is one that can be told from a later one.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let age = SystemTime::now().duration_since(metadata.modified().ok()?).ok()?;
        (age > SETTLING_TIME).then(|| Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Puts `bytes` in the place of the file at `path`, so that a reader sees the old or the new
/// content and a crash leaves one of them.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, &format!("{}.tmp", process::id()));
    let written = (|| {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(FILE_MODE).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    })();
    if written.is_err() {
        // What is left of it is of no use; that it cannot be removed either is not the news.
        fs::remove_file(&fresh).ok();
    }
    written
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
