use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use tracing::warn;

/// The database's file.
const DATABASE: &str = "outcomes.sqlite";
/// The file whose lock says that somebody writes here.
const LOCK: &str = "lock";
/// Between the name of a damaged file and the time at which it was set aside.
const DAMAGED: &str = ".damaged-";
/// How many damaged files are kept for people to look at. More would fill the disk, when what
/// damages them goes on.
const DAMAGED_FILES_MAX: usize = 3;
/// The longest process id, in digits, and room for a line end.
const PID_BYTES_MAX: u64 = 16;

/// The directory of a spool.
#[derive(Clone, Debug)]
pub(crate) struct Directory(PathBuf);

/// The right to write in a directory, as long as it lives. The operating system takes it back
/// when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Locked {
    _lock: File,
}

impl Directory {
    /// The directory at `path`, which need not exist.
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// Makes the directory if need be, readable for its owner only, and locks it.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or when another process has locked it.
    pub(crate) fn lock(&self) -> Result<Locked> {
        let shown = self.0.display();
        make(&self.0).with_context(|| format!("cannot make the spool directory {shown}"))?;
        let path = self.0.join(LOCK);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let read = (&mut file).take(PID_BYTES_MAX).read_to_string(&mut owner);
                let owner = match (read, owner.trim()) {
                    (Ok(_), pid) if !pid.is_empty() => format!(" (process {pid})"),
                    _ => String::new(),
                };
                bail!(
                    "another monitord{owner} uses the spool directory {shown}: stop it, or give \
                     this one another spool.directory"
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        // Whose it is is only said to people, so a full disk is no reason to fail.
        let named = file.set_len(0).and_then(|()| file.rewind());
        if let Err(error) = named.and_then(|()| writeln!(file, "{}", std::process::id())) {
            warn!(%error, "the spool's lock file does not name this process");
        }
        Ok(Locked { _lock: file })
    }

    /// Renames the database and its log, so that a new one can take their place, and returns the
    /// new name of the database. Of earlier ones only the latest few are kept.
    ///
    /// # Errors
    ///
    /// When they cannot be renamed.
    pub(crate) fn set_aside(&self, now: Timestamp) -> io::Result<PathBuf> {
        let stamp = now.strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let aside = self.0.join(format!("{DATABASE}{DAMAGED}{stamp}"));
        for suffix in ["-wal", ""] {
            let from = self.0.join(format!("{DATABASE}{suffix}"));
            if from.exists() {
                let to = self.0.join(format!("{DATABASE}{DAMAGED}{stamp}{suffix}"));
                fs::rename(from, to)?;
            }
        }
        // The index of the log is made anew from the log.
        match fs::remove_file(self.0.join(format!("{DATABASE}-shm"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Err(error) = self.forget_damaged() {
            warn!(%error, "old damaged spool files cannot be removed");
        }
        Ok(aside)
    }

    /// The damaged files that are kept, oldest first.
    pub(crate) fn damaged(&self) -> io::Result<Vec<PathBuf>> {
        let prefix = format!("{DATABASE}{DAMAGED}");
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    fn forget_damaged(&self) -> io::Result<()> {
        let is_main = |path: &&PathBuf| path.extension().is_some_and(|e| !e_is_companion(e));
        let all = self.damaged()?;
        let main: Vec<_> = all.iter().filter(is_main).collect();
        let surplus = main.len().saturating_sub(DAMAGED_FILES_MAX);
        for old in &main[..surplus] {
            let name = old.to_string_lossy();
            for file in all.iter().filter(|path| path.to_string_lossy().starts_with(&*name)) {
                warn!(file = %file.display(), "an old damaged spool file is removed");
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}

fn e_is_companion(extension: &std::ffi::OsStr) -> bool {
    let text = extension.to_string_lossy();
    text.ends_with("-wal") || text.ends_with("-shm")
}

/// Outcomes name routers and lines: nobody else's business.
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
