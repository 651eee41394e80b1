//! `cargo xtask api`: the public interface of each library crate is kept as a text, so that nobody
//! changes it unnoticed, and a release can be compared with the one before it.

mod rustdoc;
mod since;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::graph::{Graph, Package};

/// Where the texts are, one for each crate.
const FOLDER: &str = "xtask/api";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Keep the interfaces as they are now.
    #[arg(long, conflicts_with = "since")]
    write: bool,
    /// Compare what is kept with that of a commit or tag, and say what version has to follow.
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let graph = Graph::load()?;
    let libraries: Vec<_> = graph.members().filter(|package| is_library(package)).collect();
    ensure!(!libraries.is_empty(), "the workspace has no library that is published");
    if let Some(revision) = &options.since {
        return since::run(&libraries, revision);
    }
    let names: Vec<&str> = libraries.iter().map(|package| package.name.as_str()).collect();
    let interfaces = rustdoc::interfaces(&graph, &names)?;
    if options.write {
        for (name, interface) in names.iter().zip(&interfaces) {
            fs::write(path(name), interface).with_context(|| format!("cannot write {name}'s"))?;
            println!("api: {} has {} items", path(name).display(), interface.lines().count());
        }
        return Ok(());
    }
    compare(&names, &interfaces, Path::new(FOLDER))
}

fn is_library(package: &Package) -> bool {
    package.is_published() && package.has_library()
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.txt"))
}

/// Fails unless each interface is the one that is kept in `folder`.
fn compare(names: &[&str], interfaces: &[String], folder: &Path) -> Result<()> {
    let mut changes = Vec::new();
    for (name, interface) in names.iter().zip(interfaces) {
        let path = folder.join(format!("{name}.txt"));
        // One that is not there yet is empty: everything is new then.
        let kept = if path.exists() { read(&path)? } else { String::new() };
        let change = Change::between(&kept, interface);
        if !change.is_empty() {
            changes.push(format!("{name}\n{}", change.show()));
        }
    }
    ensure!(
        changes.is_empty(),
        "the public interface has changed:\n\n{}\n
If that is meant, keep it with `cargo xtask api --write`, and tell users in CHANGELOG.md.",
        changes.join("\n\n")
    );
    println!("api: the interfaces of {} are as they are kept", names.join(", "));
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// What has become of an interface, item by item.
#[derive(Debug)]
struct Change<'a> {
    gone: Vec<&'a str>,
    new: Vec<&'a str>,
}

impl<'a> Change<'a> {
    fn between(before: &'a str, after: &'a str) -> Self {
        let (old, new): (BTreeSet<_>, BTreeSet<_>) =
            (before.lines().collect(), after.lines().collect());
        Self {
            gone: before.lines().filter(|item| !new.contains(item)).collect(),
            new: after.lines().filter(|item| !old.contains(item)).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }

    fn show(&self) -> String {
        let gone = self.gone.iter().map(|item| format!("  - {item}"));
        let new = self.new.iter().map(|item| format!("  + {item}"));
        gone.chain(new).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_is_gone_changed_or_new_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("some.txt"), "pub fn a()\npub fn b()\n").unwrap();
        let check = |interface: &str| compare(&["some"], &[interface.to_owned()], folder.path());
        check("pub fn a()\npub fn b()\n").unwrap();
        let said = check("pub fn b(u8)\npub fn a()\npub fn c()\n").unwrap_err().to_string();
        assert!(
            said.contains("some\n  - pub fn b()\n  + pub fn b(u8)\n  + pub fn c()\n"),
            "{said}"
        );
        assert!(said.contains("cargo xtask api --write"), "{said}");
    }

    #[test]
    fn an_interface_that_is_not_kept_yet_is_all_new() {
        let folder = tempfile::tempdir().unwrap();
        let said = compare(&["some"], &["pub fn a()\n".to_owned()], folder.path()).unwrap_err();
        assert!(said.to_string().contains("some\n  + pub fn a()"), "{said}");
    }
}
