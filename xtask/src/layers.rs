//! Who may depend on whom. The table is the one of ARCHITECTURE.md.

use anyhow::{Result, ensure};

use crate::graph::{Graph, Package};

/// What one of our crates may use of ours.
struct Layer {
    name: &'static str,
    /// When it is built for use.
    uses: &'static [&'static str],
    /// In its tests and examples only.
    tests_with: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { name: "pool-core", uses: &[], tests_with: &[] },
    Layer { name: "driver-ssh", uses: &["pool-core"], tests_with: &["lab"] },
    Layer { name: "driver-cli", uses: &["pool-core"], tests_with: &[] },
    Layer { name: "pool", uses: &["pool-core"], tests_with: &[] },
    Layer { name: "scheduler", uses: &["pool-core"], tests_with: &[] },
    Layer {
        name: "monitord",
        uses: &["pool-core", "driver-ssh", "driver-cli", "pool", "scheduler"],
        tests_with: &["lab", "zabbix-lab"],
    },
    Layer { name: "lab", uses: &[], tests_with: &[] },
    Layer { name: "zabbix-lab", uses: &[], tests_with: &[] },
    Layer {
        name: "xtask",
        uses: &["driver-cli", "driver-ssh", "lab", "pool", "pool-core", "scheduler", "zabbix-lab"],
        tests_with: &[],
    },
];

/// A foreign crate that only some of ours may use.
struct Reserved {
    name: &'static str,
    users: &'static [&'static str],
    reason: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        name: "ssh2",
        users: &["driver-ssh", "xtask"],
        reason: "one crate tames libssh2; to the others a session is a trait, or a bound to measure by",
    },
    Reserved {
        name: "libssh2-sys",
        users: &["driver-ssh"],
        reason: "one crate tames libssh2; to the others a session is a trait",
    },
    Reserved {
        name: "russh",
        users: &["lab", "xtask"],
        reason: "the lab's server must be of another make than our client; its client is a peer to \
                 measure against",
    },
    Reserved {
        name: "anyhow",
        users: &["monitord", "lab", "zabbix-lab", "xtask"],
        reason: "libraries have error types; only binaries and the lab may do without",
    },
    Reserved {
        name: "config",
        users: &["monitord"],
        reason: "libraries take values, not configuration files",
    },
    Reserved { name: "deadpool", users: &["xtask"], reason: "it is what ours is measured against" },
    Reserved { name: "bb8", users: &["xtask"], reason: "it is what ours is measured against" },
    Reserved {
        name: "allocation-counter",
        users: &["scheduler", "xtask"],
        reason: "it replaces the allocator of whatever binary it is in",
    },
    Reserved {
        name: "mockall",
        users: &["pool-core"],
        reason: "mocks are for tests, and for the test-util feature of pool-core",
    },
];

/// Fails with every edge that is not allowed.
pub(crate) fn check() -> Result<()> {
    let graph = Graph::load()?;
    let faults: Vec<_> = graph.members().flat_map(|package| faults_of(&graph, package)).collect();
    ensure!(faults.is_empty(), "layers are broken:\n  {}", faults.join("\n  "));
    println!("layers: {} crates keep to their layers", LAYERS.len());
    Ok(())
}

fn faults_of(graph: &Graph, package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("{name} has no layer: give it one in xtask/src/layers.rs")];
    };
    let used = graph.direct(package, false);
    let tested_with = graph.direct(package, true);
    let ours = |dependency: &&str| LAYERS.iter().any(|layer| layer.name == *dependency);

    let upwards = used
        .iter()
        .copied()
        .filter(ours)
        .filter(|dependency| !layer.uses.contains(dependency))
        .map(|dependency| format!("{name} must not use {dependency}"));
    let sideways = tested_with
        .difference(&used)
        .copied()
        .filter(ours)
        .filter(|d| !layer.tests_with.contains(d) && !layer.uses.contains(d) && *d != name)
        .map(|dependency| format!("the tests of {name} must not use {dependency}"));
    let reserved = RESERVED
        .iter()
        .filter(|reserved| used.contains(reserved.name) && !reserved.users.contains(&name))
        .map(|reserved| format!("{name} must not use {}: {}", reserved.name, reserved.reason));
    upwards.chain(sideways).chain(reserved).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The faults of a workspace in which `user` has one dependency of that kind.
    fn faults(user: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let package = |name: &str| json!({ "id": name, "name": name, "version": "1.0.0" });
        let edge = json!({ "pkg": dependency, "dep_kinds": [{ "kind": kind }] });
        let graph: Value = json!({
            "packages": [package(user), package(dependency)],
            "workspace_members": [user],
            "resolve": { "nodes": [{ "id": user, "deps": [edge] }] },
            "target_directory": "target",
        });
        let graph: Graph = serde_json::from_value(graph).unwrap();
        let member = graph.members().next().unwrap();
        faults_of(&graph, member)
    }

    #[test]
    fn edges_of_the_table_are_allowed() {
        assert!(faults("pool", "pool-core", None).is_empty());
        assert!(faults("driver-ssh", "ssh2", None).is_empty());
        assert!(faults("driver-ssh", "lab", Some("dev")).is_empty());
        assert!(faults("scheduler", "tokio", None).is_empty());
        assert!(faults("pool", "mockall", Some("dev")).is_empty());
    }

    #[test]
    fn other_edges_are_faults() {
        assert_eq!(faults("pool-core", "pool", None), ["pool-core must not use pool"]);
        assert_eq!(faults("scheduler", "pool", None), ["scheduler must not use pool"]);
        assert_eq!(faults("driver-ssh", "lab", None), ["driver-ssh must not use lab"]);
        let sideways = faults("scheduler", "driver-cli", Some("dev"));
        assert_eq!(sideways, ["the tests of scheduler must not use driver-cli"]);
        assert_eq!(faults("pool", "ssh2", None).len(), 1);
        assert_eq!(faults("scheduler", "anyhow", None).len(), 1);
        assert_eq!(faults("stranger", "tokio", None).len(), 1);
    }
}
