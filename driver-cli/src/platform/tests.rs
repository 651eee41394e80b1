use super::*;

const VALID: &str = r#"
[cli]
work_at = ["exec"]
[cli.levels.exec]
prompt = '^[\w.-]+>$'
[ping]
command = "belongs to somebody else"
"#;

#[test]
fn every_builtin_definition_loads_and_can_work() {
    let platforms = Platforms::builtin();
    for (name, _) in BUILTIN {
        let definition = platforms.get(&Platform::new(name)).unwrap();
        assert_eq!(definition.name(), *name);
        assert!(!definition.description().is_empty(), "{name}");
        assert!(!definition.on_close.is_empty(), "{name}");
        let has_ping =
            definition.allowed.verbs.iter().any(|verb| verb.to_string().ends_with("ping"));
        assert!(has_ping, "{name}");
        assert!(definition.rejections.is_some() && definition.busy.is_some(), "{name}");
        assert!(!definition.pagers.is_empty(), "{name}");
    }
}

#[test]
fn a_platform_is_found_by_its_aliases() {
    let platforms = Platforms::builtin();
    for (alias, name) in [("cisco_ios", "cisco_iosxe"), ("hp_comware", "h3c_comware")] {
        let definition = platforms.get(&Platform::new(alias)).unwrap();
        assert_eq!(definition.name(), name);
        assert!(definition.aliases().contains(&alias.to_owned()));
        assert!(platforms.names().contains(&Platform::new(alias)));
    }
    assert!(platforms.get(&Platform::new("amiga_os")).is_none());
}

#[test]
fn an_operators_definition_joins_the_builtin_ones_and_may_replace_one() {
    let platforms = Platforms::with_files([("acme_os", VALID), ("linux", VALID)]).unwrap();
    let acme = platforms.get(&Platform::new("acme_os")).unwrap();
    assert_eq!(acme.level_of("edge-1> "), Some("exec"));
    let linux = platforms.get(&Platform::new("linux")).unwrap();
    assert_eq!(linux.level_of("probe$"), None);
    assert!(platforms.get(&Platform::new("cisco_iosxe")).is_some());
}

#[test]
fn a_child_adds_patterns_and_replaces_the_rest() {
    let child = r#"
        inherits = "cisco_iosxe"
        [cli]
        verbs = ["dir"]
        on_open = ["terminal datadump"]
        rejections = ['No way']
        [cli.levels.exec]
        prompt = '^acme>$'
    "#;
    let platforms = Platforms::with_files([("acme_os", child)]).unwrap();
    let acme = platforms.get(&Platform::new("acme_os")).unwrap();
    assert_eq!(acme.on_open, ["terminal datadump"]);
    assert_eq!(acme.on_close, ["exit"]);
    assert_eq!(acme.allowed.check("dir flash:"), Ok(()));
    assert_eq!(acme.allowed.check("show clock"), Ok(()));
    assert!(acme.allowed.check("show run | redirect x").is_err());
    assert!(acme.aliases.is_empty(), "names are not inherited");
    assert_eq!(acme.level_of("acme>"), Some("exec"));
    assert_eq!(acme.level_of("R1>"), None);
    assert_eq!(acme.level_of("R1#"), Some("privileged_exec"));
    let rejections = acme.rejections.as_ref().unwrap();
    assert!(rejections.is_match("No way\n") && rejections.is_match("% Ambiguous command\n"));
}

/// Loads one file and expects one problem with it.
#[track_caller]
fn check(text: &str, key: &str, reason: &str) {
    let files = [("other_os", VALID), ("acme_os", text)];
    let InvalidDefinitions(problems) = Platforms::with_files(files).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("one problem expected: {problems:?}") };
    assert_eq!((problem.file.as_str(), problem.key.as_str()), ("acme_os.toml", key));
    assert!(problem.reason.contains(reason), "{problem}");
}

#[test]
fn a_problem_is_told_with_file_key_and_reason() {
    let with = |line: &str| VALID.replace("[cli]\n", &format!("[cli]\n{line}\n"));
    check("", "cli", "is missing: a definition has a table [cli], or `inherits` one");
    check(&format!("name = 'acme'\n{VALID}"), "name", "is not the name of the file");
    check(&with("ehco = 'await'"), "line 3, ehco", "unknown field `ehco`");
    check(&with("echo = 'loud'"), "line 3, echo", "unknown variant `loud`");
    check(&with("on_open = 'x'"), "line 3, on_open", "invalid type");
    check(&format!("verbs = []\n{VALID}"), "verbs", "outside of any table; allowed there are name");
    check(&with("rejections = ['(']"), "cli.rejections", "unclosed group");
    check(&with("busy = ['x*']"), "cli.busy", "matches the empty text");
    check(&with("on_open = [\"a\\nb\"]"), "cli.on_open", "one line without control characters");
    check(&with("verbs = ['*']"), "cli.verbs", "allowed are words");
    check(&with("verbs_except = ['(']"), "cli.verbs_except", "unclosed group");
    check(&with("username_suffix = 'a b'"), "cli.username_suffix", "without blanks");
    let top = |line: &str| format!("{line}\n{VALID}");
    check(&top("aliases = ['Acme OS']"), "aliases", "a-z");
    check(&top("aliases = ['other_os']"), "aliases", "is also a name of other_os");
    check(
        &top("inherits = 'acme_is'"),
        "inherits",
        "no platform \"acme_is\"; known are arista_eos,",
    );
    check(&top("inherits = 'acme_os'"), "inherits", "no platform \"acme_os\"");
    check(&VALID.replace("[\"exec\"]", "[\"exce\"]"), "cli.work_at", "levels are: exec");
    check(&VALID.replace("[\"exec\"]", "[]"), "cli.work_at", "names no level");
    check(&VALID.replace(">$", ">"), "cli.levels.exec.prompt", "end with $");
    let way = "[[cli.transitions]]\nfrom = 'exec'\nto = 'root'\ncommand = 'su'\n";
    check(&format!("{VALID}{way}"), "cli.transitions.to", "\"root\" is not a level");
    let pager = "[[cli.pagers]]\npattern = '^more$'\nkey = ''\n";
    check(&format!("{VALID}{pager}"), "cli.pagers.key", "is empty");
}

#[test]
fn all_problems_of_all_files_are_reported_at_once() {
    let broken = VALID.replace(">$", ">").replace("[\"exec\"]", "[]");
    let files = [("a", broken.as_str()), ("b", "[cli]\nx = 1")];
    let error = Platforms::with_files(files).unwrap_err();
    assert_eq!(error.0.len(), 3);
    let text = error.to_string();
    assert!(text.starts_with("invalid platform definitions: b.toml: line 2, x: "), "{text}");
}

#[test]
fn a_circle_of_definitions_is_an_error_that_shows_it() {
    let inherits = |name: &str| format!("inherits = '{name}'");
    let files = [("a_os", inherits("b_os")), ("b_os", inherits("a_os"))];
    let InvalidDefinitions(problems) = Platforms::with_files(files).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[0].key, "inherits");
    assert!(problems[0].reason.contains("circle"), "{}", problems[0]);
    assert!(
        problems[0]
            .reason
            .ends_with("a_os > b_os > a_os > b_os > a_os > b_os > a_os > b_os > a_os")
    );
}

#[test]
fn a_definition_may_inherit_the_builtin_one_that_it_replaces() {
    let text = "inherits = 'cisco_iosxe'\n[cli]\nwork_at = ['privileged_exec']\n";
    let platforms = Platforms::with_files([("cisco_iosxe", text)]).unwrap();
    let iosxe = platforms.get(&Platform::new("cisco_iosxe")).unwrap();
    assert_eq!(iosxe.work_at, ["privileged_exec"]);
    assert_eq!(iosxe.on_close, ["exit"]);
    let nxos = platforms.get(&Platform::new("cisco_nxos")).unwrap();
    assert_eq!(nxos.work_at, ["privileged_exec"], "others inherit from the operator's");
}

#[test]
fn a_file_with_nothing_for_this_crate_is_passed_over() {
    let platforms = Platforms::with_files([("acme_os", "[ping]\ncommand = 'x'\n")]).unwrap();
    assert!(platforms.get(&Platform::new("acme_os")).is_none());
}

#[test]
fn a_directory_of_definitions_is_read_and_its_problems_name_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("acme_os.toml", VALID);
    write("notes.txt", "not a definition");
    write(".acme_os.toml.swp.toml", "not either");
    let platforms = Platforms::load(directory.path()).unwrap();
    assert!(platforms.get(&Platform::new("acme_os")).is_some());
    assert!(platforms.get(&Platform::new("linux")).is_some());

    write("broken.toml", "[cli]\nx = 1");
    std::fs::write(directory.path().join("binary.toml"), [0xff, 0xfe]).unwrap();
    let error = Platforms::load(directory.path()).unwrap_err();
    assert!(error.0[0].file.ends_with("binary.toml"), "{error}");
    std::fs::remove_file(directory.path().join("binary.toml")).unwrap();
    let error = Platforms::load(directory.path()).unwrap_err();
    let InvalidDefinitions(problems) = &error;
    assert_eq!(problems.len(), 1);
    let path = directory.path().join("broken.toml").display().to_string();
    assert_eq!((problems[0].file.as_str(), problems[0].key.as_str()), (&*path, "line 2, x"));

    let error = Platforms::load(&directory.path().join("nowhere")).unwrap_err();
    assert!(error.to_string().contains("nowhere: (file): cannot be read: "), "{error}");
}
