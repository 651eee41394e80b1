use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{reference, schema};
use crate::app::Parts;
use crate::catalog::Catalog;
use crate::settings::{Environment, Key, Standard, keys, load};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Parts::builtin().catalog());
static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| keys(&CATALOG));

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn tree(path: &Path) -> Value {
    let file = config::File::from(path);
    config::Config::builder().add_source(file).build().unwrap().try_deserialize().unwrap()
}

/// What the schema has against `value`.
fn faults(value: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&schema(&KEYS)).unwrap();
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_schema_is_one_and_takes_the_annotated_sample() {
    assert!(jsonschema::draft202012::meta::is_valid(&schema(&KEYS)));
    let sample = tree(&beside("monitord.example.yaml"));
    assert_eq!(faults(&sample), Vec::<String>::new());
    // What the loader lets pass beside it: texts of numbers, and keys with nothing after them.
    let texts = json!({ "log": null, "connection": { "max_connections": "2", "agent": "true" },
                        "checks": { "first_look": "false" }, "shutdown_grace": 5 });
    assert_eq!(faults(&texts), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    for wrong in [
        json!({ "conection": {} }),
        json!({ "log": { "level": "loud" } }),
        json!({ "log": [] }),
        json!({ "http": {} }),
        json!({ "connection": { "max_connections": 0 } }),
        json!({ "connection": { "max_connections": "two" } }),
        json!({ "connection": { "connect_timeout": "soon" } }),
        json!({ "connection": { "jump": true, "host_key": 3 } }),
        json!({ "pool": { "rebuild": { "max_error_rate": 1.5 } } }),
        json!({ "spool": { "max_size": "1GB" } }),
        json!({ "routers": [{ "name": "edge-1" }] }),
        json!({ "lines": [{ "id": "L1", "router": "r", "target": "192.0.2.1", "ping": { "count": 101 } }] }),
    ] {
        if wrong["connection"]["jump"] == json!(true) {
            assert_eq!(faults(&wrong).len(), 1, "{wrong}: {:?}", faults(&wrong));
        } else {
            assert_ne!(faults(&wrong), Vec::<String>::new(), "{wrong}");
        }
    }
}

#[test]
fn the_committed_page_is_the_one_that_is_written() {
    let committed = std::fs::read_to_string(beside("../docs/configuration.md")).unwrap();
    let hint = "run `monitord gen reference > docs/configuration.md`";
    assert!(committed == reference(&KEYS), "docs/configuration.md is out of date: {hint}");
}

/// A configuration in which every section could stand.
fn base(path: &str) -> Value {
    let flat = ["zabbix.serverport", "zabbix.proxyport"];
    let zabbix = if flat.contains(&path) {
        json!({ "serverip": "192.0.2.9", "username": "u", "password": "p", "proxyname": "x",
                "proxyip": "192.0.2.8" })
    } else {
        json!({ "api": { "url": "http://zabbix.example/api", "token": "t" }, "proxy_name": "x",
                "sender": { "address": "192.0.2.8" }, "heartbeat": { "host": "h", "key": "k" } })
    };
    let jump = json!({ "host": "192.0.2.7", "username": "j", "password": "p" });
    json!({
        "routers": [{ "name": "edge-1", "host": "192.0.2.1", "platform": "cisco_iosxe",
                      "username": "u", "password": "p", "jump": jump }],
        "lines": [{ "id": "L1", "router": "edge-1", "target": "198.51.100.1" }],
        "connection": { "jump": jump },
        "credentials": [{ "password": "p" }],
        "http": { "listen": "127.0.0.1:9180" },
        "file": { "path": "out.jsonl" },
        "spool": { "directory": "spool" },
        "zabbix": zabbix,
    })
}

fn set(tree: &mut Value, path: &str, value: Value) {
    let mut at = tree;
    for segment in path.split('.') {
        at = match segment.strip_suffix("[]") {
            Some(list) => &mut at[list][0],
            None => &mut at[segment],
        };
    }
    *at = value;
}

#[test]
fn a_default_that_is_stated_is_the_one_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.json");
    let shown = |tree: &Value| {
        std::fs::write(&file, tree.to_string()).unwrap();
        let settings = load(&file, &Environment::default(), &[], &CATALOG);
        format!("{:#?}", settings.map_err(|invalid| invalid.to_string()).unwrap())
    };
    let mut stated = 0;
    for key in KEYS.iter() {
        let Standard::Value(_) = key.default else { continue };
        let path = key.declared.path.as_str();
        let mut tree = base(path);
        let without = shown(&tree);
        set(&mut tree, path, super::json::default_of(key).unwrap());
        assert!(without == shown(&tree), "{path}: another value holds when it is absent");
        stated += 1;
    }
    assert!(stated > 50, "{stated}");
}
