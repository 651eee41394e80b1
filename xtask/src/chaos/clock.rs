use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const SOURCE: &str = include_str!("clock.c");

/// The wall clock of one program, which can be stepped without anyone else noticing.
///
/// The machine's own clock belongs to everyone on it, and the program is to be the one that is
/// shipped: so its look at the clock is intercepted, in a library that is loaded before it.
#[derive(Debug)]
pub(super) struct SteppedClock {
    library: PathBuf,
    offset: fs::File,
    path: PathBuf,
    offset_ms: i64,
}

impl SteppedClock {
    /// Builds the library in `folder`, with the C compiler that monitord is built with.
    pub(super) fn build(folder: &Path) -> Result<Self> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        fs::write(&source, SOURCE)?;
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .context("cannot run cc")?;
        ensure!(built.success(), "cc has failed");
        let path = folder.join("clock");
        let offset = fs::File::create(&path)?;
        let mut clock = Self { library, offset, path, offset_ms: 0 };
        clock.set(0)?;
        Ok(clock)
    }

    /// Has `command` see this clock.
    pub(super) fn wind(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CHAOS_CLOCK", &self.path);
    }

    /// Steps it to so many milliseconds from the right time.
    pub(super) fn set(&mut self, offset_ms: i64) -> Result<()> {
        self.offset.write_all_at(&offset_ms.to_ne_bytes(), 0)?;
        self.offset_ms = offset_ms;
        Ok(())
    }

    /// How far it is from the right time, in milliseconds.
    pub(super) fn offset_ms(&self) -> i64 {
        self.offset_ms
    }
}
