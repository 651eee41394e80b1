//! The dependency graph, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The resolved graph of the whole workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Graph {
    /// Every package, ours and foreign.
    pub(crate) packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
}

/// A package of the graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence, as an SPDX expression.
    pub(crate) license: Option<String>,
    /// The oldest Rust that it says it works with.
    pub(crate) rust_version: Option<String>,
    /// What it is, in a sentence.
    pub(crate) description: Option<String>,
    /// Its text for those who find it.
    pub(crate) readme: Option<String>,
    /// What it is found by.
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    /// Among what it is found.
    #[serde(default)]
    pub(crate) categories: Vec<String>,
    /// The registries it may be published to; absent when to any.
    publish: Option<Vec<String>>,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    targets: Vec<Target>,
}

/// What a package builds.
#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Package {
    /// Whether it is meant for others.
    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    /// Whether others can use it in their code.
    pub(crate) fn has_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "lib"))
    }

    /// Where its source is.
    pub(crate) fn folder(&self) -> Result<&Path> {
        let folder = self.manifest_path.parent();
        folder.with_context(|| format!("{} lies nowhere", self.name))
    }
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// Absent for a normal dependency.
    kind: Option<String>,
}

impl Graph {
    /// Asks cargo for the graph on this platform, without the network beyond what the lock file
    /// needs.
    pub(crate) fn load() -> Result<Self> {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", &host()?])
            .output()
            .context("cannot run cargo metadata")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata failed: {complaint}");
        serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata printed")
    }

    /// Whether a package is one of ours.
    pub(crate) fn is_member(&self, package: &Package) -> bool {
        self.workspace_members.contains(&package.id)
    }

    /// Our packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.is_member(package))
    }

    /// What `package` uses directly when it is built for use; with `dev`, also what only its
    /// tests and examples use.
    pub(crate) fn direct(&self, package: &Package, dev: bool) -> BTreeSet<&str> {
        let names = self.names();
        let node = self.resolve.nodes.iter().find(|node| node.id == package.id);
        node.into_iter()
            .flat_map(|node| &node.deps)
            .filter(|dependency| {
                dependency.dep_kinds.iter().any(|k| match k.kind.as_deref() {
                    Some("dev") => dev,
                    _ => true,
                })
            })
            .filter_map(|dependency| names.get(dependency.pkg.as_str()).copied())
            .collect()
    }

    fn names(&self) -> BTreeMap<&str, &str> {
        self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect()
    }
}

/// The target triple of this machine.
pub(crate) fn host() -> Result<String> {
    said_by_rustc("host: ")
}

/// The version of the Rust of this machine.
pub(crate) fn rust_version() -> Result<String> {
    said_by_rustc("release: ")
}

fn said_by_rustc(what: &str) -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().find_map(|line| line.strip_prefix(what));
    said.map(str::to_owned).with_context(|| format!("rustc -vV does not say {what:?}"))
}
