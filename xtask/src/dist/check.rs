//! What must be true of the repository before anything is built from it.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::container;
use crate::graph::{Graph, Package, rust_version};
use crate::oldest_rust;
use crate::run::printed;

/// The texts of the licences that the crates declare.
const LICENCES: &[(&str, &str)] = &[
    ("LICENSE-MIT", "Permission is hereby granted, free of charge"),
    ("LICENSE-APACHE", "Apache License"),
];
/// What must not be in a published crate: recordings and simulated routers that only tests need.
const UNPUBLISHED: &[&str] = &["tests/", "proptest-regressions/"];

/// Fails with everything that is wrong; with `version`, also when this is not that version.
pub(crate) fn run(graph: &Graph, version: Option<&str>) -> Result<()> {
    let changelog = read("CHANGELOG.md")?;
    let mut faults = versions(graph, &changelog, version);
    if version.is_some() {
        faults.extend(uncommitted()?);
    }
    for (path, words) in LICENCES {
        if !fs::read_to_string(path).is_ok_and(|text| text.contains(words)) {
            faults.push(format!("{path} is missing, or is not the text of that licence"));
        }
    }
    let published: Vec<_> = graph.members().filter(|package| package.is_published()).collect();
    for package in &published {
        faults.extend(package_faults(package));
        faults.extend(content_faults(package)?);
    }
    faults.extend(oldest_rust::faults(graph));
    faults.extend(lint_faults(&read("Cargo.toml")?)?);
    ensure!(faults.is_empty(), "not ready for a release:\n  {}", faults.join("\n  "));
    container::check(&read("contrib/container/Containerfile")?)?;
    println!(
        "dist check: {} crates, versions, licences and the container file in order",
        published.len()
    );
    println!("dist check: {}", oldest_rust::summary(graph));
    println!("dist check: {}", oldest_rust::proof(graph, &rust_version()?));
    Ok(())
}

/// Whether clippy still refuses what the standard library got after the oldest Rust, of which there
/// is no other test on a machine without it.
fn lint_faults(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context("cannot read Cargo.toml")?;
    let lints =
        manifest.get("workspace").and_then(|workspace| workspace.get("lints")?.get("clippy"));
    let level = lints.and_then(|lints| lints.get("incompatible_msrv")?.as_str());
    let fault = "workspace.lints.clippy in Cargo.toml does not deny incompatible_msrv".to_owned();
    Ok(if level == Some("deny") { Vec::new() } else { vec![fault] })
}

/// All crates have one version, and the changelog knows what is in it.
fn versions(graph: &Graph, changelog: &str, wanted: Option<&str>) -> Vec<String> {
    let mut versions: Vec<&str> = graph.members().map(|package| package.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut faults = Vec::new();
    if versions.len() != 1 {
        faults.push(format!("the crates have different versions: {}", versions.join(", ")));
    }
    if let Some(wanted) = wanted {
        if versions != [wanted] {
            faults.push(format!("the crates have version {}, not {wanted}", versions.join(", ")));
        }
        if !has_heading(changelog, wanted) {
            faults.push(format!("CHANGELOG.md has no heading \"## [{wanted}]\""));
        }
    }
    if wanted.is_none() && !has_heading(changelog, "Unreleased") {
        faults.push("CHANGELOG.md has no heading \"## [Unreleased]\"".to_owned());
    }
    faults
}

/// What is packed and in no commit, or not as it is there: nobody else could build that.
fn uncommitted() -> Result<Option<String>> {
    if std::env::var_os("SOURCE_DATE_EPOCH").is_some() {
        // Whoever builds without git says so with this, and has what was exported from it.
        return Ok(None);
    }
    let status = printed(Command::new("git").args(["status", "--porcelain", "--", "."]))?;
    let changed: Vec<_> = status.lines().map(str::trim).collect();
    let few = changed.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    Ok((!changed.is_empty()).then(|| format!("{} not as committed: {few}", changed.len())))
}

fn has_heading(changelog: &str, name: &str) -> bool {
    changelog.lines().any(|line| line.starts_with(&format!("## [{name}]")))
}

/// What a registry asks for, and whoever looks for a crate.
fn package_faults(package: &Package) -> Vec<String> {
    let Package { name, description, readme, keywords, categories, .. } = package;
    let present = [
        ("description", description.is_some()),
        ("readme", readme.is_some()),
        ("keywords", (1..=5).contains(&keywords.len())),
        ("categories", !categories.is_empty()),
        ("rust-version", package.rust_version.is_some()),
        ("license", package.license.is_some()),
    ];
    let missing = present.iter().filter(|(_, is_there)| !is_there);
    missing.map(|(key, _)| format!("{name} has no {key}, or too many")).collect()
}

/// What would be in the published crate.
fn content_faults(package: &Package) -> Result<Vec<String>> {
    let name = &package.name;
    let mut list = Command::new(env!("CARGO"));
    list.args(["package", "--list", "--allow-dirty", "--package", name]);
    let files = printed(&mut list)?;
    let has = |wanted: &str| files.lines().any(|file| file == wanted);
    let mut faults: Vec<_> = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]
        .into_iter()
        .filter(|wanted| !has(wanted))
        .map(|wanted| format!("{name} would be published without {wanted}"))
        .collect();
    let unwanted =
        files.lines().filter(|file| UNPUBLISHED.iter().any(|folder| file.starts_with(folder)));
    faults.extend(unwanted.map(|file| format!("{name} would be published with {file}")));
    Ok(faults)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lint_that_no_longer_denies_is_noticed() {
        assert!(lint_faults(include_str!("../../../Cargo.toml")).unwrap().is_empty());
        let allowed = "[workspace.lints.clippy]\nincompatible_msrv = \"warn\"\n";
        assert_eq!(lint_faults(allowed).unwrap().len(), 1);
        assert_eq!(lint_faults("").unwrap().len(), 1);
    }
}
