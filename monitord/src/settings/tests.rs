use std::fs;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::*;
use crate::app::Parts;

mod api;
mod checks;
mod exposure;
mod http;
mod layers;
mod limits;
mod lines;
mod login;
mod pool;
mod sender;
mod syntax;
mod terminal;

/// A router and a line that are right, to hang something wrong beside.
const GOOD: &str = r#"
routers:
  - { name: edge-1, host: 192.0.2.1, platform: cisco_iosxe, username: monitor, password: secret-1 }
lines:
  - { id: L1, router: edge-1, target: 198.51.100.1 }
"#;

/// A folder with `text` as its `name`.
fn folder(name: &str, text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    write_secret(&folder.path().join(name), text);
    folder
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Loading the definitions takes a while, and they do not change.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Parts::builtin().catalog());

fn load_in(folder: &TempDir, name: &str, environment: &Environment) -> Result<Settings, String> {
    let path = folder.path().join(name);
    let prefix = format!("{}/", folder.path().display());
    load(&path, environment, &[], &CATALOG).map_err(|e| e.to_string().replace(&prefix, ""))
}

fn load_text(text: &str) -> Result<Settings, String> {
    load_in(&folder("m.yaml", text), "m.yaml", &Environment::default())
}

/// Loads `text` and expects exactly these problems, in any order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let problems = load_text(text).expect_err("the text is wrong");
    let mut problems: Vec<_> = problems.lines().collect();
    let mut expected = expected.to_vec();
    problems.sort_unstable();
    expected.sort_unstable();
    assert_eq!(problems, expected);
}

/// Loads the good text with `from` replaced by `to`, and expects one problem.
#[track_caller]
fn check_changed(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    check(&GOOD.replace(from, to), &[expected]);
}

/// Loads the good text with `more` after it, and expects one problem.
#[track_caller]
fn check_with(more: &str, expected: &str) {
    check(&format!("{GOOD}{more}\n"), &[expected]);
}

#[test]
fn one_file_with_a_router_and_a_line_is_enough() {
    let settings = load_text(GOOD).unwrap();
    let router = &settings.inventory.routers[0];
    assert_eq!(router.connection.endpoint.to_string(), "192.0.2.1:22");
    assert_eq!(router.protocol, pool_core::Protocol::Scrapli);
    assert_eq!(router.connection.connect_timeout, Duration::from_secs(30));
    assert_eq!(settings.inventory.lines[0].interval.as_duration(), Duration::from_secs(180));
    assert_eq!((settings.http, settings.zabbix), (None, None));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn the_annotated_sample_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitord.example.yaml");
    let environment = Environment::from([
        ("EDGE_PASSWORD", "x"),
        ("EDGE_ENABLE", "y"),
        ("BASTION_PASSWORD", "z"),
        ("HOME", "/home/u"),
    ]);
    let settings = load(&path, &environment, &[], &CATALOG).map_err(|e| e.to_string()).unwrap();
    assert_eq!(settings.warnings, Vec::<String>::new());
    assert!(settings.inventory.routers.len() >= 2 && settings.inventory.lines.len() >= 2);
    assert!(settings.zabbix.is_some() && settings.http.is_some());
}

#[test]
fn a_directory_of_definitions_is_found_beside_the_file() {
    let find = |text: &str| {
        let folder = folder("m.yaml", text);
        let path = folder.path().join("m.yaml");
        let found = definitions_directory(&path, &Environment::default(), &[]);
        let prefix = format!("{}/", folder.path().display());
        let plain = |text: String| text.replace(&prefix, "");
        let shown = |path: PathBuf| plain(path.display().to_string());
        found.map(|path| path.map(shown)).map_err(|error| plain(error.to_string()))
    };
    assert_eq!(find(GOOD), Ok(None));
    assert_eq!(find("platforms: { directory: defs }"), Ok(Some("defs".to_owned())));
    assert_eq!(find("platforms: { directory: /etc/defs }"), Ok(Some("/etc/defs".to_owned())));
    let number = "m.yaml: platforms.directory is 3: allowed is a text: put it in quotes";
    assert_eq!(find("platforms: { directory: 3 }"), Err(number.to_owned()));
    let unknown = "m.yaml: platforms.dir is not a known key: did you mean `directory`?";
    assert_eq!(find("platforms: { dir: x }"), Err(unknown.to_owned()));
    assert!(load_text(&format!("{GOOD}platforms: {{ directory: defs }}\n")).is_ok());
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    check_changed(
        "target:",
        "intervall: 60s, target:",
        "m.yaml: lines[0].intervall is not a known key: did you mean `interval`?",
    );
    check_with("conection: {}", "m.yaml: conection is not a known key: did you mean `connection`?");
    check_with(
        "log: { colour: red }",
        "m.yaml: log.colour is not a known key: known here are format, level",
    );
}

#[test]
fn all_problems_of_a_file_come_at_once() {
    check(
        r#"
log: { level: loud }
connection: { max_connections: 0, connect_timeout: 2h, min_connections: many }
routers:
  - { name: edge-1, host: 192.0.2.1, platform: nope, password: "${ABSENT}", port: 70000 }
lines:
  - { id: L1, router: edge-1, target: a b, ping: { count: 0, size: 9 } }
  - { router: edge-1, interval: 1 }
"#,
        &[
            "m.yaml: log.level is \"loud\": allowed is off, error, warn, info, debug, trace",
            "m.yaml: connection.max_connections is 0: allowed is a whole number from 1 to 100",
            "m.yaml: connection.connect_timeout is \"2h\": allowed is 1ms to 1h",
            "m.yaml: connection.min_connections is \"many\": allowed is a whole number from 0 to \
             100",
            "m.yaml: routers[0].port is 70000: allowed is a whole number from 1 to 65535",
            &format!(
                "m.yaml: routers[0].platform is \"nope\": allowed is {}",
                CATALOG.names().join(", ")
            ),
            "m.yaml: routers[0].password comes from environment variable ABSENT, which is not set",
            "m.yaml: routers[0].username is missing: allowed is a text",
            "m.yaml: lines[0].target is \"a b\": allowed is an IP address or a host name (only \
             letters, digits, dots, dashes and underscores are allowed)",
            "m.yaml: lines[0].ping.count is 0: allowed is 1 to 100",
            "m.yaml: lines[0].ping.size is 9: allowed is 36 to 18000 bytes",
            "m.yaml: lines[1].id is missing: allowed is a text",
            "m.yaml: lines[1].target is missing: allowed is a text",
            "m.yaml: lines[1].interval is 1: allowed is 10s to 24h",
        ],
    );
}

#[test]
fn a_report_that_reaches_nobody_is_noticed() {
    for silent in ["{}", "{ sender: }", "{ items: { ping: loss } }"] {
        let settings = load_text(&format!("{GOOD}zabbix: {silent}\n")).unwrap();
        assert_eq!(settings.zabbix, None);
        let expected = "zabbix.sender names no address: nothing is reported to Zabbix";
        assert_eq!(settings.warnings, [expected], "{silent}");
    }
    check_with(
        "zabbix: { sender: { address: z }, items: { ping: x, error_detail: x } }",
        "m.yaml: zabbix.items.error_detail is \"x\": allowed is another key than that of ping",
    );
}
