//! What the dependency tree may hold: which licences, and which crates in two versions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use spdx::{Expression, LicenseReq};

use crate::graph::{Graph, Package};

/// Licences that allow shipping a binary under our own terms.
const LICENCES_ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that are in the tree in more than one version, each with why that is so. An entry
/// that is no longer needed is an error, so that the list stays true.
const DUPLICATES_ALLOWED: &[(&str, &str)] = &[];

/// Fails with every licence that is not allowed and every unnoticed duplicate.
pub(crate) fn check() -> Result<()> {
    let graph = Graph::load()?;
    let foreign: Vec<_> = graph.packages.iter().filter(|p| !graph.is_member(p)).collect();
    let mut faults: Vec<_> = foreign.iter().filter_map(|package| licence_fault(package)).collect();
    faults.extend(duplicate_faults(&foreign));
    ensure!(faults.is_empty(), "dependencies:\n  {}", faults.join("\n  "));
    println!("deps: {} foreign crates, licences and versions in order", foreign.len());
    Ok(())
}

fn licence_fault(package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    let Some(licence) = &package.license else {
        return Some(format!("{name} {version} names no licence"));
    };
    // Some crates still separate alternatives with a slash, as Cargo once did.
    match Expression::parse(&licence.replace('/', " OR ")) {
        Ok(expression) if expression.evaluate(is_allowed) => None,
        Ok(_) => Some(format!("{name} {version}: the licence {licence} is not allowed")),
        Err(error) => Some(format!("{name} {version}: cannot read the licence {licence}: {error}")),
    }
}

fn is_allowed(requirement: &LicenseReq) -> bool {
    requirement.license.id().is_some_and(|id| LICENCES_ALLOWED.contains(&id.name))
}

fn duplicate_faults(packages: &[&Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let is_listed = |name: &str| DUPLICATES_ALLOWED.iter().any(|(listed, _)| *listed == name);
    let is_duplicate = |name: &str| versions.get(name).is_some_and(|found| found.len() > 1);

    let unnoticed = versions
        .iter()
        .filter(|(name, found)| found.len() > 1 && !is_listed(name))
        .map(|(name, found)| format!("{name} is in the tree as {found:?}"));
    let stale = DUPLICATES_ALLOWED
        .iter()
        .filter(|(name, _)| !is_duplicate(name))
        .map(|(name, _)| format!("{name} is listed as a duplicate and is none any more"));
    unnoticed.chain(stale).collect()
}
