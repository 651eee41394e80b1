//! The oldest Rust that is said to be enough, `rust-version`: whether all that is built needs no later
//! one, as far as can be told without building it by that one, and whether this machine has that one.

use crate::graph::{Graph, Package};

/// What is wrong with it: crates of ours that say something else, and foreign ones that ask for more.
pub(crate) fn faults(graph: &Graph) -> Vec<String> {
    let mut ours: Vec<_> = graph.members().map(|package| package.rust_version.as_deref()).collect();
    ours.sort_unstable();
    ours.dedup();
    match ours.as_slice() {
        [Some(ours)] => foreign(graph).filter_map(|package| age_fault(package, ours)).collect(),
        _ => vec![format!("our crates have no rust-version, or not the same one: {ours:?}")],
    }
}

/// What has been compared, in words.
pub(crate) fn summary(graph: &Graph) -> String {
    let ours = graph.members().find_map(|package| package.rust_version.as_deref());
    let (telling, silent): (Vec<_>, Vec<_>) =
        foreign(graph).partition(|package| package.rust_version.is_some());
    let highest = telling.iter().filter_map(|package| package.rust_version.as_deref());
    let highest = highest.max_by_key(|version| numbers(version)).unwrap_or("none");
    format!(
        "Rust {} is said to be enough; of the foreign crates {} ask for {highest} at most, and {} do \
         not say",
        ours.unwrap_or("nothing"),
        telling.len(),
        silent.len()
    )
}

/// What building with Rust `used` shows, in words.
pub(crate) fn proof(graph: &Graph, used: &str) -> String {
    let ours = graph.members().find_map(|package| package.rust_version.as_deref());
    let [major, minor, _] = numbers(used);
    if ours.is_some_and(|ours| numbers(ours)[..2] == [major, minor]) {
        format!("Rust {used} builds here, which is the oldest: what is built is tested with it")
    } else {
        format!(
            "Rust {used} builds here, which is not the oldest: no build is tested with that one"
        )
    }
}

fn foreign(graph: &Graph) -> impl Iterator<Item = &Package> {
    graph.packages.iter().filter(|package| !graph.is_member(package))
}

/// What is wrong with a crate that does not build with the Rust that we say is enough.
fn age_fault(package: &Package, ours: &str) -> Option<String> {
    let Package { name, version, rust_version, .. } = package;
    let theirs = rust_version.as_deref()?;
    (numbers(theirs) > numbers(ours))
        .then(|| format!("{name} {version} needs Rust {theirs}, and ours is {ours}"))
}

/// A version that can be compared, of which the last number may be missing.
pub(crate) fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A workspace of one crate, which depends on another one.
    fn graph(ours: Option<&str>, theirs: Option<&str>) -> Graph {
        let package = |name: &str, rust: Option<&str>| json!({ "id": name, "name": name, "version": "1.0.0", "rust_version": rust });
        let graph: Value = json!({
            "packages": [package("ours", ours), package("some", theirs)],
            "workspace_members": ["ours"],
            "resolve": { "nodes": [] },
            "target_directory": "target",
        });
        serde_json::from_value(graph).unwrap()
    }

    #[test]
    fn a_crate_that_needs_a_later_rust_is_noticed() {
        let needing = |rust| faults(&graph(Some("1.90"), rust));
        assert!(needing(None).is_empty());
        assert!(needing(Some("1.9")).is_empty());
        assert!(needing(Some("1.90.0")).is_empty());
        assert_eq!(needing(Some("1.90.1")), ["some 1.0.0 needs Rust 1.90.1, and ours is 1.90"]);
    }

    #[test]
    fn a_workspace_that_does_not_say_is_noticed() {
        let said = faults(&graph(None, Some("1.90")));
        assert!(said[0].contains("no rust-version"), "{said:?}");
    }

    #[test]
    fn only_a_build_by_the_oldest_rust_is_a_proof() {
        let said = |used| proof(&graph(Some("1.90"), None), used);
        assert!(said("1.90.3").contains("which is the oldest"));
        assert!(said("1.91.0-nightly").contains("which is not the oldest"));
        assert!(proof(&graph(None, None), "1.90.0").contains("which is not the oldest"));
    }

    #[test]
    fn those_that_do_not_say_are_counted() {
        let said = summary(&graph(Some("1.90"), None));
        assert!(said.contains("Rust 1.90 ") && said.contains(" 1 do not say"), "{said}");
        let said = summary(&graph(Some("1.90"), Some("1.85")));
        assert!(said.contains("1 ask for 1.85 at most"), "{said}");
    }
}
