//! What is peculiar to one router's command line.

use std::path::Path;

use super::*;

#[test]
fn text_prompt_and_log_of_a_router_are_its_own() {
    let terminal = |keys: &str| {
        let text = GOOD.replacen("username:", &format!("{keys}, username:"), 1);
        let folder = folder("m.yaml", &text);
        let environment = Environment::from([("STATE_DIRECTORY", "/var/lib/m")]);
        let settings = load_in(&folder, "m.yaml", &environment).unwrap();
        let terminal = settings.inventory.routers[0].connection.terminal.clone();
        let log = terminal.session_log.map(|path| {
            let under = path.strip_prefix(folder.path()).unwrap_or(&path);
            under.to_owned()
        });
        (terminal.encoding, terminal.prompt, log)
    };
    let path = |text: &str| Some(Path::new(text).to_owned());
    assert_eq!(terminal("port: 22"), (None, None, None));
    assert_eq!(terminal("session_log: false"), (None, None, None));
    assert_eq!(
        terminal("encoding: gb18030, prompt: '^edge 1 %$', session_log: true"),
        (Some("gb18030".into()), Some("^edge 1 %$".into()), path("/var/lib/m/sessions/edge-1.log"))
    );
    assert_eq!(terminal("session_log: logs/e1").2, path("logs/e1"));
    assert_eq!(terminal("session_log: /tmp/e1").2, path("/tmp/e1"));
}

#[test]
fn a_name_of_a_router_is_made_the_name_of_a_file() {
    let text = GOOD.replace("edge-1", "../edge 1/x");
    let text = text.replace("username:", "session_log: true, username:");
    let environment = Environment::from([("HOME", "/home/u")]);
    let settings = load_in(&folder("m.yaml", &text), "m.yaml", &environment).unwrap();
    let log = settings.inventory.routers[0].connection.terminal.session_log.clone().unwrap();
    assert_eq!(log, Path::new("/home/u/.local/state/monitord/sessions/_edge_1_x.log"));
}

#[test]
fn what_a_terminal_cannot_be_is_refused() {
    let check_key = |key: &str, told: &str| {
        check_changed(
            "username:",
            &format!("{key}, username:"),
            &format!("m.yaml: routers[0].{told}"),
        );
    };
    check_key("encoding: big5", "encoding is \"big5\": allowed is utf-8, gb18030");
    let whole =
        "prompt is \"R1#\": allowed is a regular expression that begins with ^ and ends with $";
    check_key("prompt: 'R1#'", whole);
    check_key("session_log: 3", "session_log is 3: allowed is true, false or the path of a file");
    check_key("protocol: ssh, encoding: gb18030", "encoding is for protocol scrapli only");
}
