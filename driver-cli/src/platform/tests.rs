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
        assert!(!definition.on_open.is_empty() && !definition.on_close.is_empty(), "{name}");
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
    let platforms = Platforms::with_sources([("acme_os", VALID), ("linux", VALID)]).unwrap();
    let acme = platforms.get(&Platform::new("acme_os")).unwrap();
    assert_eq!(acme.level_of("edge-1> "), Some("exec"));
    let linux = platforms.get(&Platform::new("linux")).unwrap();
    assert_eq!(linux.level_of("probe$"), None);
    assert!(platforms.get(&Platform::new("cisco_iosxe")).is_some());
}

#[test]
fn a_child_adds_patterns_and_replaces_the_rest() {
    let child = r#"
        [cli]
        inherits = "cisco_iosxe"
        on_open = ["terminal datadump"]
        rejections = ['No way']
        [cli.levels.exec]
        prompt = '^acme>$'
    "#;
    let platforms = Platforms::with_sources([("acme_os", child)]).unwrap();
    let acme = platforms.get(&Platform::new("acme_os")).unwrap();
    assert_eq!(acme.on_open, ["terminal datadump"]);
    assert_eq!(acme.on_close, ["exit"]);
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
    let sources = [("other_os", VALID), ("acme_os", text)];
    let InvalidDefinitions(problems) = Platforms::load(sources.into_iter()).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("one problem expected: {problems:?}") };
    assert_eq!((problem.file.as_str(), problem.key.as_str()), ("acme_os.toml", key));
    assert!(problem.reason.contains(reason), "{problem}");
}

#[test]
fn a_problem_is_told_with_file_key_and_reason() {
    let with = |line: &str| VALID.replace("[cli]\n", &format!("[cli]\n{line}\n"));
    check("", "line 1", "missing field `cli`");
    check(&with("ehco = 'await'"), "line 3, ehco", "unknown field `ehco`");
    check(&with("echo = 'loud'"), "line 3, echo", "unknown variant `loud`");
    check(&with("on_open = 'x'"), "line 3, on_open", "invalid type");
    check(&format!("aliases = []\n{VALID}"), "aliases", "outside of any table");
    check(&with("rejections = ['(']"), "cli.rejections", "unclosed group");
    check(&with("busy = ['x*']"), "cli.busy", "matches the empty text");
    check(&with("on_open = [\"a\\nb\"]"), "cli.on_open", "one line without control characters");
    check(&with("aliases = ['Acme OS']"), "cli.aliases", "a-z");
    check(&with("aliases = ['other_os']"), "cli.aliases", "is also a name of other_os");
    check(&with("inherits = 'acme_is'"), "cli.inherits", "no platform \"acme_is\"");
    check(&with("inherits = 'acme_os'"), "cli.inherits", "circle");
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
    let sources = [("a", broken.as_str()), ("b", "[cli]\nx = 1")];
    let error = Platforms::load(sources.into_iter()).unwrap_err();
    assert_eq!(error.0.len(), 3);
    let text = error.to_string();
    assert!(text.starts_with("invalid platform definitions: b.toml: line 2, x: "), "{text}");
}
