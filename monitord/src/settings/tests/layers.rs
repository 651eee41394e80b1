//! Files, environment and flags over each other.

use super::*;

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
