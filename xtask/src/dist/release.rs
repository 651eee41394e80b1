//! Which release, and for whom.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;

use crate::graph::{self, Graph};
use crate::run::printed;

/// What everything in a release is named and dated by.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    /// The version that all crates have.
    pub(crate) version: String,
    /// Which Debian package of that version.
    pub(crate) revision: u32,
    /// The moment of the commit, in seconds: nothing is dated by the clock of whoever builds.
    pub(crate) epoch: i64,
    /// The target triple.
    pub(crate) target: String,
    /// Where it is put together.
    pub(crate) folder: PathBuf,
}

impl Release {
    /// The release of this working copy.
    pub(crate) fn of(graph: &Graph, revision: u32, folder: &Path) -> Result<Self> {
        let monitord = graph.members().find(|package| package.name == "monitord");
        let version = monitord.context("the workspace has no monitord")?.version.clone();
        let folder = made(folder)?;
        Ok(Self { version, revision, epoch: epoch()?, target: graph::host()?, folder })
    }

    /// What the tarball is called, and the folder in it.
    pub(crate) fn name(&self) -> String {
        format!("monitord-{}-{}", self.version, self.target)
    }

    /// What Debian calls the processor.
    pub(crate) fn architecture(&self) -> Result<&'static str> {
        Ok(match self.target.split('-').next() {
            Some("x86_64") => "amd64",
            Some("aarch64") => "arm64",
            _ => bail!("no Debian architecture is known for {}", self.target),
        })
    }

    /// The version of the Debian package. A pre-release comes before its release there, too.
    pub(crate) fn debian_version(&self) -> String {
        format!("{}-{}", self.version.replacen('-', "~", 1), self.revision)
    }

    /// The Debian package's file.
    pub(crate) fn deb(&self) -> Result<PathBuf> {
        let name = format!("monitord_{}_{}.deb", self.debian_version(), self.architecture()?);
        Ok(self.folder.join(name))
    }

    /// The moment of the commit.
    pub(crate) fn moment(&self) -> Result<Timestamp> {
        Timestamp::from_second(self.epoch).context("the commit has no moment that can be")
    }
}

/// The whole path of a folder, which is made if it is not there.
pub(crate) fn made(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
    folder.canonicalize().with_context(|| format!("cannot open {folder:?}"))
}

/// `SOURCE_DATE_EPOCH`, for whoever builds without git, or the moment of the commit.
fn epoch() -> Result<i64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => printed(Command::new("git").args(["log", "-1", "--format=%ct"]))
            .context("SOURCE_DATE_EPOCH is not set, and git does not know the commit")?,
    };
    let text = text.trim();
    let epoch = text.parse().with_context(|| format!("{text:?} are no seconds"))?;
    ensure!(epoch >= 0, "the moment of the commit, {epoch}, lies before 1970");
    Ok(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pre_release_sorts_before_its_release_in_debian() {
        let release = Release {
            version: "1.2.0-rc.1".to_owned(),
            revision: 2,
            epoch: 0,
            target: "x86_64-unknown-linux-gnu".to_owned(),
            folder: PathBuf::from("out"),
        };
        assert_eq!(release.debian_version(), "1.2.0~rc.1-2");
        assert_eq!(release.deb().unwrap(), Path::new("out/monitord_1.2.0~rc.1-2_amd64.deb"));
    }
}
