use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A little more than the least that a spool may be limited to.
const SIZE: &str = "size=32m";

/// A small disk of our own, which can be filled to the last byte.
#[derive(Debug)]
pub(super) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Makes it at `path`. Needs root.
    pub(super) fn mount(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "monitord-chaos"])
            .arg(path)
            .status()
            .context("cannot run mount")?;
        ensure!(mounted.success(), "cannot mount a small disk: that takes root");
        Ok(Self { path: path.to_owned() })
    }

    /// Takes all the room that is left.
    pub(super) fn fill(&self) -> Result<()> {
        let mut filler = File::create(self.filler())?;
        for chunk in [1 << 16, 1 << 10, 1] {
            let zeros = vec![0; chunk];
            // Until it is full, which is what the error says.
            while filler.write_all(&zeros).is_ok() {}
        }
        Ok(())
    }

    /// Gives the room back.
    pub(super) fn empty(&self) -> Result<()> {
        fs::remove_file(self.filler()).context("cannot empty the disk")
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.path).status().ok();
    }
}
