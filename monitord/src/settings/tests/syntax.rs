//! Texts that are no configuration.

use super::*;

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
