//! The crates, packaged as a registry gets them, and each built from its package alone.
//!
//! Three of our names belong to others on crates.io. Whoever uses a crate from the repository has it
//! under its own name; only the packages for a registry have others, with libraries and programs called
//! as ever. So it is a copy of the working copy that is packaged, with a few lines changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::graph::{Graph, Package};
use crate::run::{printed, run as run_command};

/// Crates whose name others have, and what they are called in a registry.
const NAMES: &[(&str, &str)] = &[
    ("monitord", "monitord-daemon"),
    ("pool", "monitord-pool"),
    ("scheduler", "monitord-scheduler"),
];
/// How this workspace is built day by day. A package has no profile; with this one, what it depends on
/// is mostly built already.
const PROFILE: &[&str] =
    &["profile.dev.debug=\"line-tables-only\"", "profile.dev.package.\"*\".debug=false"];
/// What crates.io takes.
const SIZE_MAX: u64 = 10 << 20;

/// Packages all that are published, below `folder`.
pub(crate) fn run(graph: &Graph, folder: &Path) -> Result<()> {
    let folder = folder.join("crates");
    let copy = folder.join("source");
    copy_to(&copy)?;
    let published: Vec<_> = graph.members().filter(|package| package.is_published()).collect();
    for package in &published {
        rename(&copy, package)?;
    }

    let target = &graph.target_directory;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&copy).args(["package", "--allow-dirty", "--target-dir"]).arg(target);
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    for package in &published {
        cargo.args(["--package", registry_name(&package.name)]);
    }
    run_command(&mut cargo)?;

    for package in &published {
        let name = format!("{}-{}.crate", registry_name(&package.name), package.version);
        let (made, kept) = (target.join("package").join(&name), folder.join(&name));
        let size = fs::copy(&made, &kept).with_context(|| format!("cannot copy {made:?}"))?;
        ensure!(size <= SIZE_MAX, "{name} has {size} bytes, and {SIZE_MAX} may be published");
        println!("{size:>9} {}", kept.display());
    }
    println!("dist crates: {} packages, each builds alone; publish from {copy:?}", published.len());
    Ok(())
}

fn registry_name(name: &str) -> &str {
    NAMES.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs)
}

/// Copies what git knows, as it is in the working copy.
fn copy_to(copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("cannot delete {copy:?}"))?;
    }
    let files = printed(Command::new("git").args(["ls-files", "-z"]))?;
    for file in files.split_terminator('\0').map(Path::new) {
        // One that is deleted and not yet committed is still known.
        let Ok(kind) = file.symlink_metadata() else { continue };
        let to = copy.join(file);
        let parent = to.parent().context("a file lies in a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {parent:?}"))?;
        let copied = if kind.is_symlink() {
            fs::read_link(file).and_then(|points_to| symlink(points_to, &to))
        } else {
            fs::copy(file, &to).map(drop)
        };
        copied.with_context(|| format!("cannot copy {file:?}"))?;
    }
    Ok(())
}

/// Gives a crate of the copy its name in the registry.
fn rename(copy: &Path, package: &Package) -> Result<()> {
    let ours = package.name.as_str();
    let theirs = registry_name(ours);
    if theirs == ours {
        return Ok(());
    }
    let manifest = copy.join(ours).join("Cargo.toml");
    edit(&manifest, |text| renamed(text, ours, theirs, package.has_library()))?;
    edit(&copy.join("Cargo.toml"), |text| redirected(text, ours, theirs))
}

/// The manifest of a crate under another name, which builds what it has built.
fn renamed(manifest: &str, ours: &str, theirs: &str, is_library: bool) -> Result<String> {
    let line = format!("\nname = \"{ours}\"\n");
    ensure!(manifest.matches(&line).count() == 1, "it does not say once that it is {ours}");
    let built = if is_library {
        format!("\n[lib]\nname = \"{ours}\"\n")
    } else {
        format!("\n[[bin]]\nname = \"{ours}\"\npath = \"src/main.rs\"\n")
    };
    Ok(manifest.replace(&line, &format!("\nname = \"{theirs}\"\n")) + &built)
}

/// The manifest of the workspace, in which those who use `ours` find it under its other name.
fn redirected(manifest: &str, ours: &str, theirs: &str) -> Result<String> {
    let line = format!("\n{ours} = {{ path =");
    ensure!(manifest.matches(&line).count() <= 1, "it says more than once where {ours} is");
    Ok(manifest.replace(&line, &format!("\n{ours} = {{ package = \"{theirs}\", path =")))
}

fn edit(path: &PathBuf, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path:?}"))?;
    let text = change(&text).with_context(|| format!("cannot rename in {path:?}"))?;
    fs::write(path, text).with_context(|| format!("cannot write {path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_crate_builds_what_it_has_built() {
        let manifest = "[package]\nname = \"pool\"\nversion = \"1.2.3\"\n";
        let text = renamed(manifest, "pool", "monitord-pool", true).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["package"]["name"].as_str(), Some("monitord-pool"));
        assert_eq!(table["lib"]["name"].as_str(), Some("pool"));
        let text = renamed(manifest, "pool", "some-pool", false).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["bin"][0]["name"].as_str(), Some("pool"));
        assert!(renamed("[package]\nname = \"other\"\n", "pool", "some-pool", true).is_err());
    }

    #[test]
    fn those_who_use_a_renamed_crate_find_it() {
        let manifest = "[workspace.dependencies]\npool-core = { path = \"pool-core\" }\n\
                        pool = { path = \"pool\", version = \"1.2.3\" }\n";
        let text = redirected(manifest, "pool", "monitord-pool").unwrap();
        let table: toml::Table = text.parse().unwrap();
        let dependencies = &table["workspace"]["dependencies"];
        assert_eq!(dependencies["pool"]["package"].as_str(), Some("monitord-pool"));
        assert_eq!(dependencies["pool"]["path"].as_str(), Some("pool"));
        assert!(dependencies["pool-core"].get("package").is_none());
    }
}
