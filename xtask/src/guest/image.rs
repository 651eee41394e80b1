//! A Debian that nothing was done to yet.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{printed, run};

/// Which Debian.
const SUITE: &str = "bookworm";
/// What a server has beside the least that there can be: systemd, and the tools that the documents
/// tell to install. The guest has no way out, so that they have to be there.
const PACKAGES: &[&str] =
    &["ca-certificates", "curl", "dbus", "iproute2", "jq", "man-db", "systemd", "systemd-sysv"];

/// The archive of one, which is kept for the next time.
#[derive(Debug)]
pub(crate) struct Image {
    archive: PathBuf,
}

impl Image {
    /// The one kept in `folder`, or a new one, which takes some minutes.
    pub(crate) fn provide(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
        let archive = folder.join(format!("{SUITE}.tar"));
        if !archive.exists() {
            println!("guest: making a {SUITE}, once");
            let root = tempfile::tempdir_in(folder).context("cannot make a folder")?;
            let mut debootstrap = Command::new("debootstrap");
            debootstrap.args(["--variant=minbase", "--include", &PACKAGES.join(","), SUITE]);
            printed(debootstrap.arg(root.path())).context("debootstrap")?;
            // Whole or not at all.
            let unfinished = folder.join("unfinished.tar");
            let mut tar = Command::new("tar");
            tar.arg("--create").arg("--file").arg(&unfinished);
            run(tar.arg("--directory").arg(root.path()).args(["--exclude=./dev/*", "."]))?;
            std::fs::rename(&unfinished, &archive)?;
        }
        Ok(Self { archive })
    }

    /// Where it is kept.
    pub(crate) fn folder(&self) -> &Path {
        self.archive.parent().expect("an archive lies in a folder")
    }

    /// Unpacks it to `root`.
    pub(crate) fn unpack(&self, root: &Path) -> Result<()> {
        std::fs::create_dir(root).with_context(|| format!("cannot make {root:?}"))?;
        let mut tar = Command::new("tar");
        run(tar.arg("--extract").arg("--file").arg(&self.archive).arg("--directory").arg(root))
    }
}
