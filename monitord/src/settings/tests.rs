use std::fs;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::*;
use crate::app::Parts;

mod api;
mod checks;
mod exposure;
mod http;
mod pool;
mod sender;
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
fn a_missing_variable_is_named_and_nothing_else() {
    check_changed(
        "password: secret-1",
        "password: '${EDGE_PASSWORD}'",
        "m.yaml: routers[0].password comes from environment variable EDGE_PASSWORD, which is not \
         set",
    );
}

#[test]
fn an_interval_that_is_none_is_refused() {
    let allowed = "allowed is 10s to 24h";
    for (value, shown) in [("0", "0"), ("9s", "\"9s\""), ("25h", "\"25h\"")] {
        check_changed(
            "target:",
            &format!("interval: {value}, target:"),
            &format!("m.yaml: lines[0].interval is {shown}: {allowed}"),
        );
    }
    check_changed(
        "target:",
        "interval: soon, target:",
        "m.yaml: lines[0].interval is \"soon\": allowed is a duration such as 30s, 5m or 1h 30m, \
         or a whole number of seconds",
    );
}

#[test]
fn an_unknown_platform_or_protocol_is_refused_with_those_there_are() {
    let names = CATALOG.names().join(", ");
    assert!(names.contains("cisco_iosxe") && names.contains("huawei_vrp"), "{names}");
    check_changed(
        "cisco_iosxe",
        "cisco_ios_xx",
        &format!("m.yaml: routers[0].platform is \"cisco_ios_xx\": allowed is {names}"),
    );
    check_changed(
        "platform:",
        "protocol: telnet, platform:",
        "m.yaml: routers[0].protocol is \"telnet\": allowed is ssh, scrapli (alias cli)",
    );
}

#[test]
fn a_target_that_is_more_than_an_address_is_refused() {
    check_changed(
        "198.51.100.1",
        "8.8.8.8; reload",
        "m.yaml: lines[0].target is \"8.8.8.8; reload\": allowed is an IP address or a host name \
         (only letters, digits, dots, dashes and underscores are allowed)",
    );
    check_changed(
        "198.51.100.1",
        "\"8.8.8.8\\nreload\"",
        "m.yaml: lines[0].target is \"8.8.8.8\\nreload\": allowed is an IP address or a host name \
         (only letters, digits, dots, dashes and underscores are allowed)",
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
fn a_task_that_the_router_does_not_have_is_named_where_it_stands() {
    let router =
        "  - { name: fw-1, host: 192.0.2.2, platform: cisco_asa, username: u, password: p }\n";
    let mut text = GOOD.replace("lines:", &format!("{router}lines:"));
    text += "
  - { id: L2, router: edge-1, target: 198.51.100.2, interface: Gi0/0/1 }
  - { id: L3, router: edge-1, target: 198.51.100.2, task: interface }
  - { id: L4, router: edge-1, target: 198.51.100.2, task: ping, interface: Gi0/0/1 }
  - { id: L5, router: edge-1, target: 198.51.100.2, interface: a b }
  - { id: L6, router: edge-1, target: 198.51.100.2, interface: Gi0/0/1, ping: { count: 3 } }
  - { id: L7, router: edge-1, target: 198.51.100.2, task: traceroute }
  - { id: L8, router: fw-1, target: 198.51.100.2, interface: port1 }
";
    check(
        &text,
        &[
            "m.yaml: lines[2].interface is missing: allowed is a text",
            "m.yaml: lines[3].interface stands beside task ping, which takes none",
            "m.yaml: lines[4].interface is \"a b\": allowed is one word of at most 64 letters, \
             digits and . _ - : / @, not beginning with a dash",
            "m.yaml: lines[5].ping stands beside task interface: nothing is pinged then",
            "m.yaml: lines[6].task is \"traceroute\": allowed is ping, interface",
            "m.yaml: lines[7].task is interface: allowed is ping on platform cisco_asa over scrapli",
        ],
    );
}

#[test]
fn names_are_unique_and_lines_have_their_router() {
    check(
        &format!(
            "{GOOD}  - {{ id: L1, router: edge-1, target: 198.51.100.2 }}\n  \
             - {{ id: L2, router: egde-1, target: 198.51.100.2 }}\n"
        ),
        &[
            "m.yaml: lines[1].id is L1: allowed is an id that no other line has",
            "m.yaml: lines[2].router is egde-1: allowed is the name of a router in the inventory; \
             did you mean edge-1?",
        ],
    );
}

#[test]
fn numbers_are_no_names_and_sections_are_no_values() {
    check_changed(
        "id: L1",
        "id: 0012",
        "m.yaml: lines[0].id is 12: allowed is a text: put it in quotes",
    );
    check_changed(
        "password: secret-1",
        "password: 1234567",
        "m.yaml: routers[0].password is not a text: put it in quotes",
    );
    check_with("log: loud", "m.yaml: log is \"loud\": allowed is a section of keys");
    check_with(
        "http: { listen: 9180 }",
        "m.yaml: http.listen is 9180: allowed is an IP address \
         and a port, such as 127.0.0.1:9180",
    );
}

#[test]
fn a_router_needs_something_to_log_in_with() {
    check_changed(
        ", password: secret-1",
        "",
        "m.yaml: routers[0].password is missing: needed is password, private_key or agent",
    );
    check_changed(
        "password: secret-1",
        "private_key: { file: absent }",
        "m.yaml: routers[0].private_key.file is \"absent\": it cannot be read: No such file or \
         directory (os error 2)",
    );
}

#[test]
fn an_inventory_that_cannot_be_had_is_a_problem() {
    check(
        &format!("{GOOD}inventory: {{ file: more.yaml, refresh: often }}\n"),
        &[
            "m.yaml: inventory.refresh is \"often\": allowed is a duration such as 30s, 5m or \
             1h 30m, or a whole number of seconds",
            "more.yaml: cannot be read: No such file or directory (os error 2)",
        ],
    );
    check(
        "log: { level: info }",
        &[
            "m.yaml: lines has no line, and neither has inventory.file, nor is there zabbix.api: at \
           least one is needed",
        ],
    );
}

#[test]
fn syntax_errors_name_the_place_and_show_no_line_of_the_file() {
    let yaml = load_text("routers: [\n  - password: hunter2").unwrap_err();
    assert!(yaml.starts_with("m.yaml: cannot be parsed: "), "{yaml}");
    let folder = folder("m.toml", "[[routers]]\npassword = \"hunter2\nname = \"x\"\n");
    let toml = load_in(&folder, "m.toml", &Environment::default()).unwrap_err();
    assert!(toml.starts_with("m.toml: cannot be parsed: TOML parse error at line 2"), "{toml}");
    assert!(!toml.contains("hunter2") && !yaml.contains("hunter2"), "{toml} {yaml}");
}

#[test]
fn what_a_file_holds_in_place_of_keys_is_not_repeated() {
    let text = load_text("hunter2").unwrap_err();
    assert_eq!(text, "m.yaml: cannot be parsed: it is not a section of keys");
    let template = load_text(&GOOD.replace("secret-1", "{{ hunter2 }}")).unwrap_err();
    assert_eq!(template, "m.yaml: cannot be parsed: it has a key or a number that is none");
    let key = load_text(&format!("{GOOD}\"\\e[31m{}\": 1\n", "x".repeat(500))).unwrap_err();
    assert!(key.starts_with("m.yaml: \\u{1b}[31mxxx"), "{key}");
    assert!(key.contains("x... is not a known key") && key.len() < 450, "{key}");
}

#[test]
fn a_byte_order_mark_and_foreign_line_ends_are_no_part_of_the_text() {
    load_text(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))).unwrap();
}

#[test]
fn a_file_that_would_use_up_the_stack_or_the_memory_is_refused() {
    let deep: String = (0..5000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let problem = load_text(&deep).unwrap_err();
    assert_eq!(problem, "m.yaml: cannot be used: line 65 is more than 64 levels deep");
}

#[test]
fn items_of_lists_are_set_in_files_only() {
    let folder = folder("m.yaml", GOOD);
    let path = folder.path().join("m.yaml");
    for key in ["routers[0].host", "routers[99999999].host", "lines[-1]"] {
        let flags = [(key.to_owned(), "192.0.2.9".to_owned())];
        let problem = load(&path, &Environment::default(), &flags, &CATALOG).unwrap_err();
        let expected = format!("--set: {key} is not possible: items of lists can only be set in a");
        assert!(problem.to_string().starts_with(&expected), "{problem}");
    }
    let environment = Environment::from([("MONITORD__ROUTERS[7]__HOST", "h")]);
    let problem = load_in(&folder, "m.yaml", &environment).unwrap_err();
    assert!(
        problem.starts_with("the environment: MONITORD__ROUTERS[7]__HOST is not possible"),
        "{problem}"
    );
}

#[test]
fn a_wrong_default_is_blamed_once_and_not_for_each_line() {
    check_with(
        "defaults: { ping: { count: 500 } }",
        "m.yaml: defaults.ping.count is 500: allowed is 1 to 100",
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

#[test]
fn the_environment_is_stronger_than_the_file_and_flags_are_stronger_still() {
    let folder = folder("m.yaml", &format!("{GOOD}connection: {{ connect_timeout: 5s }}\n"));
    let path = folder.path().join("m.yaml");
    let environment = Environment::from([
        ("MONITORD__CONNECTION__CONNECT_TIMEOUT", "6s"),
        ("MONITORD__CONNECTION__READ_TIMEOUT", "7"),
    ]);
    let load = |flags: &[(&str, &str)]| {
        let flags: Vec<_> = flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        super::load(&path, &environment, &flags, &CATALOG)
    };
    let settings = load(&[]).unwrap();
    assert_eq!(settings.connection.connect_timeout, Duration::from_secs(6));
    assert_eq!(settings.inventory.routers[0].connection.read_timeout, Duration::from_secs(7));
    let settings = load(&[("connection.connect_timeout", "8s")]).unwrap();
    assert_eq!(settings.connection.connect_timeout, Duration::from_secs(8));
    let problem = load(&[("connection.connect_timeout", "never")]).unwrap_err().to_string();
    assert!(problem.starts_with("--set: connection.connect_timeout is \"never\""), "{problem}");
}

#[test]
fn a_wrong_variable_is_blamed_and_not_the_file() {
    let folder = folder("m.yaml", GOOD);
    let environment = Environment::from([("MONITORD__LOG__LEVEL", "loud"), ("MONITORD__X", "1")]);
    let problems = load_in(&folder, "m.yaml", &environment).unwrap_err();
    assert!(problems.contains("the environment: log.level is \"loud\""), "{problems}");
    assert!(problems.contains("the environment: x is not a known key"), "{problems}");
}

#[test]
fn toml_and_json_are_read_by_their_extension() {
    let toml = folder(
        "m.toml",
        "[[routers]]\nname = \"r\"\nhost = \"h\"\nplatform = \"linux\"\nprotocol = \"ssh\"\n\
         username = \"u\"\npassword = \"p\"\n[[lines]]\nid = \"L\"\nrouter = \"r\"\n\
         target = \"192.0.2.1\"\n",
    );
    load_in(&toml, "m.toml", &Environment::default()).unwrap();
    let json = folder(
        "m.json",
        r#"{"routers":[{"name":"r","host":"h","platform":"linux","username":"u","password":"p"}],
            "lines":[{"id":"L","router":"r","target":"192.0.2.1","interval":60}]}"#,
    );
    load_in(&json, "m.json", &Environment::default()).unwrap();
}

#[test]
fn an_inventory_file_adds_routers_and_lines_and_is_named_in_its_problems() {
    let folder = folder("m.yaml", &format!("{GOOD}inventory: {{ file: more.yaml }}\n"));
    let more = folder.path().join("more.yaml");
    fs::write(&more, "lines: [{ id: L2, router: edge-1, target: 192.0.2.9, interval: 30 }]")
        .unwrap();
    let settings = load_in(&folder, "m.yaml", &Environment::default()).unwrap();
    assert_eq!(settings.inventory.lines.len(), 2);
    fs::write(&more, "lines: [{ id: L1, router: edge-1, target: 192.0.2.9 }]\nlog: {}").unwrap();
    let problems = load_in(&folder, "m.yaml", &Environment::default()).unwrap_err();
    assert!(
        problems.contains("more.yaml: lines[0].id is L1: allowed is an id that no"),
        "{problems}"
    );
    assert!(problems.contains("more.yaml: log is not a known key"), "{problems}");
}

#[test]
fn a_router_overrides_the_limits_and_a_line_the_defaults() {
    let settings = load_text(
        r#"
connection: { connect_timeout: 5s, max_connections: 4 }
defaults: { interval: 60s, ping: { count: 3, vrf: mgmt } }
routers:
  - { name: a, host: h, platform: cisco_iosxe, username: u, password: p, connect_timeout: 9s,
      max_connections: 1, algorithms: legacy, host_key: off }
lines:
  - { id: L1, router: a, target: 192.0.2.1 }
  - { id: L2, router: a, target: 192.0.2.2, interval: 30s, ping: { count: 7 } }
"#,
    )
    .unwrap();
    let connection = &settings.inventory.routers[0].connection;
    assert_eq!(connection.connect_timeout, Duration::from_secs(9));
    assert_eq!((connection.max_connections, connection.min_connections), (1, 1));
    assert_eq!(connection.algorithms, pool_core::AlgorithmProfile::Legacy);
    assert_eq!(connection.host_key, pool_core::HostKeyPolicy::Off);
    let [first, second] = settings.inventory.lines.as_slice() else { panic!("two lines") };
    let [pinged, slowly] = [first, second].map(|line| line.task.as_ping().unwrap());
    assert_eq!((pinged.count, first.interval.as_duration().as_secs()), (3, 60));
    assert_eq!((slowly.count, second.interval.as_duration().as_secs()), (7, 30));
    assert_eq!(slowly.vrf, pinged.vrf);
}

#[test]
fn limits_that_contradict_each_other_are_blamed_where_they_stand() {
    check_with(
        "connection: { min_connections: 3 }",
        "m.yaml: connection.min_connections is 3: allowed is 0 to max_connections",
    );
    check_changed(
        "username:",
        "min_connections: 5, username:",
        "m.yaml: routers[0].min_connections is 5: allowed is 0 to max_connections",
    );
}

#[test]
fn limits_over_all_routers_come_from_the_file_and_the_environment_and_are_off_by_default() {
    assert_eq!(load_text(GOOD).unwrap().fleet, FleetLimits::default());
    let folder = folder("m.yaml", &format!("{GOOD}fleet: {{ sessions_max: 500 }}\n"));
    let environment = Environment::from([
        ("MONITORD__FLEET__LOGINS_IN_FLIGHT_MAX", "50"),
        ("MONITORD__FLEET__LOGINS_PER_SECOND", "20"),
    ]);
    let fleet = load_in(&folder, "m.yaml", &environment).unwrap().fleet;
    assert_eq!(fleet.sessions_max.map(Into::into), Some(500_usize));
    assert_eq!(fleet.logins_in_flight_max.map(Into::into), Some(50_usize));
    assert_eq!(fleet.logins_per_second.map(Into::into), Some(20_u32));
}

#[test]
fn limits_over_all_routers_that_are_none_are_refused() {
    check(
        &format!(
            "{GOOD}fleet: {{ sessions_max: 0, logins_in_flight_max: many, logins_per_second: 1001, \
             login_per_second: 1 }}\n"
        ),
        &[
            "m.yaml: fleet.sessions_max is 0: allowed is a whole number from 1 to 65536",
            "m.yaml: fleet.logins_in_flight_max is \"many\": allowed is a whole number from 1 to \
             10000",
            "m.yaml: fleet.logins_per_second is 1001: allowed is a whole number from 1 to 1000",
            "m.yaml: fleet.login_per_second is not a known key: did you mean `logins_per_second`?",
        ],
    );
}

#[test]
fn an_interval_too_short_for_a_dead_line_is_a_warning() {
    let text = GOOD.replace("target:", "interval: 10s, ping: { count: 20 }, target:");
    let warnings = load_text(&text).unwrap().warnings;
    assert!(warnings[0].contains("m.yaml: lines[0].interval is 10s: advised is"), "{warnings:?}");
}

#[test]
fn no_secret_is_in_the_debug_form_of_the_settings() {
    let text = GOOD.replace("secret-1", "hunter2, enable_password: hunter3");
    let shown = format!("{:#?}", load_text(&text).unwrap());
    assert!(shown.contains("***") && !shown.contains("hunter"), "{shown}");
}

#[test]
fn ways_to_log_in_have_defaults_and_can_be_a_routers_own() {
    use pool_core::{AgentSocket, AuthMethod};

    let text = GOOD.replace("password: secret-1", "agent: run/agent, auth_order: [agent]");
    let text = format!("{text}\nconnection: {{ auth_order: \"password, publickey\" }}\n");
    let folder = folder("m.yaml", &text);
    let settings = load_in(&folder, "m.yaml", &Environment::default()).unwrap();
    let credentials = &settings.inventory.routers[0].connection.credentials;
    assert_eq!(credentials.auth_order, [AuthMethod::Agent]);
    assert_eq!(credentials.agent, Some(AgentSocket::Path(folder.path().join("run/agent"))));
    let defaults = &settings.connection.credentials.auth_order;
    assert_eq!(*defaults, [AuthMethod::Password, AuthMethod::PublicKey]);

    let shared =
        format!("{GOOD}\nconnection: {{ agent: true }}\n").replace("password: secret-1", "");
    let settings = load_text(&shared.replace("monitor,  }", "monitor }")).unwrap();
    let credentials = &settings.inventory.routers[0].connection.credentials;
    assert_eq!(credentials.agent, Some(AgentSocket::Environment));

    check_changed(
        "password: secret-1",
        "password: x, auth_order: [key]",
        "m.yaml: routers[0].auth_order is a list: allowed is a list of publickey, agent, password, \
         keyboard-interactive; \"key\" is none",
    );
}

/// A fingerprint of nobody's key.
const PIN: &str = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";

#[test]
fn host_keys_can_be_pinned_for_all_and_for_one() {
    let load = |key: &str, own: &str| {
        let text = GOOD.replace("secret-1 }", &format!("secret-1{own} }}"));
        let settings = load_text(&format!("{text}\nconnection: {{ host_key: {key} }}\n")).unwrap();
        let connection = settings.inventory.routers[0].connection.clone();
        let pins: Vec<_> = connection.host_key_pins.iter().map(ToString::to_string).collect();
        (connection.host_key.as_str(), pins)
    };
    assert_eq!(load(&format!("\"{PIN}\""), ""), ("accept-new", vec![PIN.to_owned()]));
    let two = format!("[\"{PIN}=\", \"{}\"]", PIN.replace("Zk", "Xk"));
    assert_eq!(load("strict", &format!(", host_key: {two}")).1.len(), 2);
    assert_eq!(load(&format!("\"{PIN}\""), ", host_key: strict"), ("strict", vec![]));
    check_with(
        "connection: { host_key: \"MD5:16:27\" }",
        "m.yaml: connection.host_key is \"MD5:16:27\": allowed is a list of SHA256: and 43 \
         characters of base64, as ssh-keygen -l prints it; \"MD5:16:27\" is none",
    );
}

#[test]
fn algorithms_are_a_profile_or_lists_of_known_names() {
    let text = "connection: { algorithms: { profile: legacy, mac: [hmac-sha1] } }";
    let settings = load_text(&format!("{GOOD}{text}\n")).unwrap();
    let router = &settings.inventory.routers[0].connection;
    assert_eq!(router.algorithms, pool_core::AlgorithmProfile::Legacy);
    assert_eq!(router.algorithm_lists.mac, ["hmac-sha1"]);
    let problems = load_text(&format!("{GOOD}{}\n", text.replace("sha1]", "sha9]"))).unwrap_err();
    assert!(problems.starts_with("m.yaml: connection.algorithms.mac names \"hmac-sha9\""));
    assert!(problems.contains("(the nearest is hmac-sha1)"), "{problems}");
}

#[test]
fn a_jump_host_is_read_for_all_and_can_be_left_out_for_one() {
    let jump = format!(
        "connection:\n  jump: {{ host: bastion.example.net, port: 2222, username: j, password: \
         \"${{BASTION}}\", host_key: \"{PIN}\", algorithms: legacy }}\n"
    );
    let environment = Environment::from([("BASTION", "secret-b")]);
    let load = |text: &str| load_in(&folder("m.yaml", text), "m.yaml", &environment);
    let settings = load(&format!("{GOOD}{jump}")).unwrap();
    let router = &settings.inventory.routers[0].connection;
    let read = router.jump.as_ref().expect("a jump host");
    assert_eq!(read.endpoint.to_string(), "bastion.example.net:2222");
    assert_eq!(read.credentials.password.as_ref().map(|p| p.expose()), Some("secret-b"));
    assert_eq!(read.host_key_pins[0].as_str(), PIN);
    assert_eq!(read.algorithms, pool_core::AlgorithmProfile::Legacy);
    assert_eq!(router.algorithms, pool_core::AlgorithmProfile::Modern);
    assert!(!format!("{settings:?}").contains("secret-b"));

    let direct = GOOD.replace("secret-1 }", "secret-1, jump: false }");
    let settings = load(&format!("{direct}{jump}")).unwrap();
    assert_eq!(settings.inventory.routers[0].connection.jump, None);

    let own = "secret-1, jump: { host: 192.0.2.1, username: j, enable_password: x } }";
    check(
        &GOOD.replace("secret-1 }", own),
        &[
            "m.yaml: routers[0].jump.password is missing: needed is password, private_key or agent",
            "m.yaml: routers[0].jump.enable_password is not a known key: known here are agent, \
             algorithms, auth_order, host, host_key, password, port, private_key, username",
            "m.yaml: routers[0].jump.host is 192.0.2.1:22: allowed is another host than the device \
             itself",
        ],
    );
}
