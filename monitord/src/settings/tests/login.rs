//! Who logs in to whom, and what they must show and speak.

use super::*;

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
