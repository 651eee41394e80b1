//! What the dependency tree may hold: which licences, which crates in two versions, and none that
//! asks for a later Rust than we do.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use spdx::{Expression, LicenseReq};

use crate::graph::{Graph, Package};
use crate::oldest_rust;

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
const DUPLICATES_ALLOWED: &[(&str, &str)] = &[
    ("hashbrown", "hashlink, under the YAML reader, is still at 0.16"),
    ("getrandom", "ring, under the lab's SSH server, is still at 0.2; everyone else is at 0.4"),
    ("num-bigint", "the schema validator, which only tests use, is still at 0.4"),
    ("syn", "a build-time crate; the derive macros are half way from 2 to 3"),
];

/// Fails with every licence that is not allowed and every unnoticed duplicate.
pub(crate) fn check() -> Result<()> {
    let graph = Graph::load()?;
    let foreign: Vec<_> = graph.packages.iter().filter(|p| !graph.is_member(p)).collect();
    let mut faults: Vec<_> = foreign.iter().filter_map(|package| licence_fault(package)).collect();
    faults.extend(duplicate_faults(&foreign));
    faults.extend(oldest_rust::faults(&graph));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(licence: &str, allowed: bool) {
        let package = package("some", "1.0.0", licence);
        assert_eq!(licence_fault(&package).is_none(), allowed, "{licence}");
    }

    fn package(name: &str, version: &str, licence: &str) -> Package {
        let text = serde_json::json!({
            "id": format!("{name} {version}"), "name": name, "version": version,
            "license": licence,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn one_allowed_alternative_is_enough_and_every_condition_counts() {
        check("MIT", true);
        check("MIT/Apache-2.0", true);
        check("GPL-3.0-only OR MIT", true);
        check("(MIT OR Apache-2.0) AND Unicode-3.0", true);
        check("GPL-3.0-only", false);
        check("MIT AND GPL-3.0-only", false);
        check("of our own", false);
    }

    #[test]
    fn a_second_version_is_noticed() {
        let (one, two) = (package("some", "1.0.0", "MIT"), package("some", "2.0.0", "MIT"));
        let faults = duplicate_faults(&[&one, &two]);
        assert!(faults.iter().any(|fault| fault.contains("some is in the tree as")), "{faults:?}");
    }

    #[test]
    fn a_listed_duplicate_that_is_none_is_noticed() {
        let faults = duplicate_faults(&[]);
        assert_eq!(faults.len(), DUPLICATES_ALLOWED.len(), "{faults:?}");
    }
}
