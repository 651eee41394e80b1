//! What has become of the interfaces since a release, and what version may follow it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Change;
use crate::graph::Package;
use crate::oldest_rust::numbers;
use crate::run::printed;

/// Compares, and fails when the version does not tell users what they have to know.
pub(super) fn run(libraries: &[&Package], revision: &str) -> Result<()> {
    let before = version_at(revision)?;
    let mut step = Step::Patch;
    for package in libraries {
        let path = super::path(&package.name);
        let (old, new) = (text_at(revision, &path)?, super::read(&path)?);
        let change = Change::between(&old, &new);
        println!("{}: {} gone, {} new", package.name, change.gone.len(), change.new.len());
        if !change.is_empty() {
            println!("{}", change.show());
        }
        step = step.max(Step::of(&change));
    }
    let least = step.after(numbers(&before));
    let version = libraries.first().map(|package| package.version.as_str()).unwrap_or_default();
    let [major, minor, patch] = least;
    println!("api: since {before} {step:?}; {major}.{minor}.{patch} or later has to follow");
    ensure!(
        numbers(version) >= least,
        "the crates have version {version}, which promises more than is kept since {before}"
    );
    Ok(())
}

/// How much an interface has changed, and with that the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Nothing that others could see.
    Patch,
    /// Something is new.
    Addition,
    /// Something is gone, or is another now.
    Breaking,
}

impl Step {
    fn of(change: &Change<'_>) -> Self {
        match (change.gone.is_empty(), change.new.is_empty()) {
            (true, true) => Self::Patch,
            (true, false) => Self::Addition,
            (false, _) => Self::Breaking,
        }
    }

    /// The first version that may follow `version`. Before 1.0, Cargo takes the second number for
    /// what the first one is afterwards.
    fn after(self, [major, minor, patch]: [u32; 3]) -> [u32; 3] {
        match (self, major) {
            (Self::Breaking, 0) => [0, minor + 1, 0],
            (Self::Breaking, _) => [major + 1, 0, 0],
            (Self::Addition, 1..) => [major, minor + 1, 0],
            (Self::Addition | Self::Patch, _) => [major, minor, patch + 1],
        }
    }
}

fn version_at(revision: &str) -> Result<String> {
    let manifest = text_at(revision, Path::new("Cargo.toml"))?;
    version_of(&manifest).with_context(|| format!("Cargo.toml of {revision}"))
}

fn version_of(manifest: &str) -> Result<String> {
    let manifest: toml::Table = manifest.parse().context("cannot read it")?;
    let version = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("version")?.as_str());
    version.map(str::to_owned).context("it has no workspace.package.version")
}

fn text_at(revision: &str, path: &Path) -> Result<String> {
    // `./`, because a path is otherwise one from the top of the repository.
    let object = format!("{revision}:./{}", path.display());
    printed(Command::new("git").args(["show", &object]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, version: [u32; 3], least: [u32; 3]) {
        assert_eq!(Step::of(&Change::between(old, new)).after(version), least);
    }

    #[test]
    fn what_is_gone_breaks_users_and_what_is_new_does_not() {
        check("a\n", "a\n", [1, 2, 3], [1, 2, 4]);
        check("a\n", "a\nb\n", [1, 2, 3], [1, 3, 0]);
        check("a\n", "b\n", [1, 2, 3], [2, 0, 0]);
        check("a\nb\n", "b\n", [0, 2, 3], [0, 3, 0]);
        check("a\n", "a\nb\n", [0, 2, 3], [0, 2, 4]);
    }

    #[test]
    fn the_version_is_that_of_the_workspace() {
        let manifest = "[workspace]\nmembers = []\n[workspace.package]\nversion = \"1.2.3\"\n";
        assert_eq!(version_of(manifest).unwrap(), "1.2.3");
        assert!(version_of("[package]\nversion = \"1.2.3\"\n").is_err());
    }
}
