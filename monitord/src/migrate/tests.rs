use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::migrated;
use crate::app::Parts;
use crate::catalog::Catalog;
use crate::settings::{Environment, Settings, keys, load, tree_of};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Parts::builtin().catalog());

/// As the predecessor is commonly configured.
const FLAT: &str = "zabbix:\n  username: Admin\n  password: \"hunter2: #1\"\n  serverip: 192.0.2.9\n  \
                    serverport: 8080\n  proxyname: zabbix-proxy-01\n  proxyip: 192.0.2.10\n  \
                    proxyport: 10052\n";

fn load_at(path: &Path) -> Settings {
    let environment = Environment::from([("EDGE", "from-env")]);
    load(path, &environment, &[], &CATALOG).map_err(|invalid| invalid.to_string()).unwrap()
}

/// Migrates `text` and expects that the result means the same; returns it.
#[track_caller]
fn check(text: &str, moves_secrets: bool) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("svr.yml"), folder.path().join("monitord.yaml"));
    fs::write(&old, text).unwrap();
    let secrets = folder.path().join("secrets");
    let secrets = moves_secrets.then_some((secrets.as_path(), false));
    let written = migrated(tree_of(&old).unwrap(), &old, &keys(&CATALOG), secrets).unwrap();
    fs::write(&new, &written).unwrap();
    let (before, after) = (load_at(&old), load_at(&new));
    assert!(before.means_the_same_as(&after), "{written}\n{before:#?}\n{after:#?}");
    (folder, written)
}

#[test]
fn flat_keys_become_sections_that_mean_the_same() {
    let (_folder, written) = check(FLAT, false);
    for line in ["    url: \"http://192.0.2.9:8080\"", "    address: \"192.0.2.10:10052\""] {
        assert!(written.lines().any(|known| known == line), "{written}");
    }
    assert!(!written.contains("serverip:") && !written.contains("proxyname:"), "{written}");
    let few = "zabbix: { username: u, password: p, serverip: zabbix.example, proxyname: x }\n";
    check(few, false);
    let six = "zabbix: { username: u, password: p, serverip: '2001:db8::9', proxyname: x, \
               proxyip: '2001:db8::10' }\n";
    check(six, false);
}

#[test]
fn another_password_is_another_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let path = folder.path().join("m.yaml");
        fs::write(&path, text).unwrap();
        load_at(&path)
    };
    let one = load(FLAT);
    for (from, to) in [("hunter2", "hunter3"), ("8080", "8081"), ("10052", "10053"), ("-01", "-02")]
    {
        assert!(!one.means_the_same_as(&load(&FLAT.replace(from, to))), "{to}");
    }
}

#[test]
fn everything_else_is_kept_as_it_is() {
    let more = "connection: { connect_timeout: 5s, auth_order: [password], algorithms: legacy }\n\
                log: { level: 'off' }\n\
                routers:\n  - { name: edge 1, host: 192.0.2.1, platform: cisco_iosxe, username: u, \
                password: \"a\\\"b\\\\c\\u00e9\", jump: { host: h, username: j, password: '${EDGE}' } }\n  \
                - { name: edge-2, host: 192.0.2.2, platform: huawei_vrp, username: u, \
                password: 'literal:file:x' }\n\
                lines:\n  - { id: L1, router: edge 1, target: 198.51.100.1, ping: { count: 3 } }\n";
    for moves_secrets in [false, true] {
        check(&format!("{FLAT}{more}"), moves_secrets);
    }
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitord.example.yaml");
    let text = fs::read_to_string(sample).unwrap();
    let text =
        text.replace("${BASTION_PASSWORD}", "${EDGE}").replace("${EDGE_PASSWORD}", "${EDGE}");
    check(&text.replace("${EDGE_ENABLE}", "${EDGE}"), true);
}

#[test]
fn secrets_move_to_files_that_only_their_owner_can_read() {
    let (folder, written) = check(FLAT, true);
    assert!(!written.contains("hunter2"), "{written}");
    let file = folder.path().join("secrets/zabbix-api-password");
    assert_eq!(fs::read_to_string(&file).unwrap(), "hunter2: #1\n");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    // The same secret again is no conflict, another one is.
    let old = folder.path().join("svr.yml");
    let secrets = file.parent().unwrap();
    let again =
        |replace| migrated(tree_of(&old).unwrap(), &old, &keys(&CATALOG), Some((secrets, replace)));
    assert!(again(false).is_ok());
    fs::write(&file, "other\n").unwrap();
    let error = again(false).unwrap_err().to_string();
    assert!(error.contains("--force") && !error.contains("hunter2"), "{error}");
    assert!(again(true).is_ok());
    assert_eq!(fs::read_to_string(&file).unwrap(), "hunter2: #1\n");
}
