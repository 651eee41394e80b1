//! The inventory in Zabbix.

use super::{check, load_text};
use crate::inventory::zabbix::{ApiLogin, Scope, Tag};

/// Everything that is needed to take lines from Zabbix, and nothing else.
const ONLY: &str = "zabbix: { api: { url: \"http://zabbix.example/api_jsonrpc.php\", token: hunter2 }, \
                    proxy_name: p }\n";

#[test]
fn a_configuration_with_only_zabbix_is_enough() {
    let settings = load_text(ONLY).unwrap();
    let api = settings.api.as_ref().unwrap();
    assert_eq!(api.urls, ["http://zabbix.example/api_jsonrpc.php"]);
    assert_eq!(api.scope, Scope::Proxy("p".to_owned()));
    assert_eq!(api.tag, Tag { name: "TempType".to_owned(), value: "LINE".to_owned() });
    assert!(matches!(&api.login, ApiLogin::Token(token) if token.expose() == "hunter2"));
    assert!(settings.inventory.lines.is_empty());
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_predecessors_flat_zabbix_keys_take_effect() {
    let flat = "zabbix: { username: u, password: hunter2, serverip: 192.0.2.9, serverport: 8080, \
                proxyname: p, proxyip: 192.0.2.10, proxyport: 10052 }\nspool: { directory: s }\n";
    let settings = load_text(flat).unwrap();
    assert_eq!(settings.warnings, Vec::<String>::new());
    let api = settings.api.unwrap();
    let base = "http://192.0.2.9:8080";
    assert_eq!(
        api.urls,
        [format!("{base}/api_jsonrpc.php"), format!("{base}/zabbix/api_jsonrpc.php")]
    );
    assert!(matches!(&api.login, ApiLogin::Password { username, .. } if username == "u"));
    assert_eq!(api.scope, Scope::Proxy("p".to_owned()));
    assert_eq!(settings.zabbix.unwrap().address.to_string(), "192.0.2.10:10052");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    check(
        "zabbix: { api: { url: \"ftp://x\", username: u, refresh: 1s, timeout: 2h, \
         tag: { name: x }, tokn: x }, proxy_name: p, proxy_group: g }\n",
        &[
            "m.yaml: zabbix.api.url is \"ftp://x\": allowed is an http:// or https:// URL without a \
             user in it",
            "m.yaml: zabbix.api.password is missing: username stands without it",
            "m.yaml: zabbix.api.refresh is \"1s\": allowed is 5s to 1day",
            "m.yaml: zabbix.api.timeout is \"2h\": allowed is 1s to 1m",
            "m.yaml: zabbix.api.tag.value is missing: allowed is a text",
            "m.yaml: zabbix.api.tokn is not a known key: did you mean `token`?",
            "m.yaml: zabbix.proxy_group stands beside proxy_name: only one of them is allowed",
        ],
    );
    check(
        "zabbix: { api: { url: \"http://x\" } }\n",
        &[
            "m.yaml: zabbix.api.token is missing: needed is token, or username and password",
            "m.yaml: zabbix.proxy_name is missing: needed is the proxy whose hosts are lines, or \
             proxy_group",
        ],
    );
    check(
        "zabbix: { serverip: 192.0.2.9, username: u, proxyname: p }\n",
        &["m.yaml: zabbix.password is missing: serverip stands without it"],
    );
}

#[test]
fn a_login_without_a_server_is_a_problem() {
    let text = format!("{}zabbix: {{ username: u, password: x }}\n", super::GOOD);
    check(
        &text,
        &[
            "m.yaml: zabbix.username stands without serverip: it says where Zabbix is",
            "m.yaml: zabbix.password stands without serverip: it says where Zabbix is",
        ],
    );
}

#[test]
fn credentials_are_for_routers_users_or_places_in_a_vault() {
    let text = format!(
        "{ONLY}credentials:\n  - {{ routers: [\"192.0.2.*\", edge-1.example], users: [m], \
         password: hunter3 }}\n  - {{ vault: \"secret/a:*\", username: svc, agent: true }}\n"
    );
    let settings = load_text(&text).unwrap();
    assert_eq!(settings.logins.len(), 2);
    assert_eq!(settings.logins[0].routers.len(), 2);
    assert!(settings.logins[1].agent.is_some());
    assert!(!format!("{settings:?}").contains("hunter3"));
    check(
        &format!("{ONLY}credentials:\n  - {{ routers: [a, a] }}\n"),
        &[
            "m.yaml: credentials[0].routers is a list: allowed is a list in which nothing is twice",
            "m.yaml: credentials[0].password is missing: needed is any of username, password, \
             enable_password, private_key, agent",
        ],
    );
}
