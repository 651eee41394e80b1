//! Lines from a Zabbix that is not always there. What a real one says is tested against one.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use lab::{DEFAULT_PASSWORD, Lab, LabRouter, RouterSpec};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::pages::get;
use crate::support::{Daemon, Site};

/// The hosts of a Zabbix; nothing while it is away.
pub(crate) type Hosts = Arc<Mutex<Option<Vec<Value>>>>;

async fn answer(State(hosts): State<Hosts>, body: String) -> Result<String, StatusCode> {
    let Some(hosts) = hosts.lock().clone() else { return Err(StatusCode::BAD_GATEWAY) };
    let call: Value = serde_json::from_str(&body).unwrap();
    let result = match call["method"].as_str().unwrap() {
        "apiinfo.version" => json!("7.0.9"),
        "proxy.get" => json!([{ "proxyid": "1" }]),
        "host.get" => json!(hosts),
        _ => json!([]),
    };
    Ok(json!({ "jsonrpc": "2.0", "result": result, "id": 1 }).to_string())
}

/// The API of a Zabbix with these hosts. Returns where it is.
pub(crate) async fn serve(hosts: &Hosts) -> String {
    let app = Router::new().route("/api_jsonrpc.php", post(answer)).with_state(hosts.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api_jsonrpc.php", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

/// A site whose lines are in a Zabbix with these hosts.
async fn site(hosts: &Hosts) -> Site {
    let url = serve(hosts).await;
    let mut site = Site::empty();
    site.config["zabbix"] = json!({ "api": { "url": url, "token": "x" }, "proxy_name": "edge" });
    site
}

pub(crate) fn host(id: &str, name: &str, router: &LabRouter, platform: &str) -> Value {
    let address = router.address();
    let pairs = [
        ("ROUTER_IP", address.ip().to_string()),
        ("ROUTER_PORT", address.port().to_string()),
        ("ROUTER_USERNAME", router.user().to_owned()),
        ("ROUTER_PASSWORD", DEFAULT_PASSWORD.to_owned()),
        ("ROUTER_PLATFORM", platform.to_owned()),
        ("TARGET", "198.51.100.1".to_owned()),
        ("CHECK_INTERVAL", "10s".to_owned()),
    ];
    let one = |(name, value): &(&str, String)| json!({ "macro": format!("{{$LINE_{name}}}"), "value": value, "type": "0" });
    let macros: Vec<_> = pairs.iter().map(one).collect();
    json!({ "hostid": id, "host": name, "macros": macros, "parentTemplates": [] })
}

fn of(daemon: &Daemon, line: &str) -> Vec<Value> {
    daemon.outcomes().into_iter().filter(|outcome| outcome["line"] == line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_18_a_zabbix_that_is_away_at_start_or_later_leaves_nobody_blind() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let router = lab.router("a");
    let hosts = Hosts::default();
    let mut site = site(&hosts).await;
    site.add_router(router, DEFAULT_PASSWORD);
    site.add_line("own", "a");
    let daemon = site.start().await;
    // Away: what the configuration says is checked.
    daemon.wait_for("the alarm", || daemon.logged("the inventory is not followed").is_some()).await;
    daemon.wait_for("an outcome", || !of(&daemon, "own").is_empty()).await;
    // There: it is found by itself, within seconds.
    let good = host("1", "there", router, "cisco_iosxe");
    *hosts.lock() = Some(vec![good, host("2", "odd", router, "")]);
    daemon.wait_for("a line", || !of(&daemon, "there").is_empty()).await;
    assert!(of(&daemon, "there").iter().all(|outcome| outcome["status"] == "measured"));
    assert!(daemon.logged("the inventory is back").is_some());
    // The router is known from the configuration, and so is its platform: nothing is odd.
    daemon.wait_for("the other", || !of(&daemon, "odd").is_empty()).await;
    for outcome in of(&daemon, "odd") {
        assert_eq!(outcome["router"], "a", "{outcome}");
    }
    // Away again: what it said last goes on.
    *hosts.lock() = None;
    daemon.signal("HUP");
    let alarms = || {
        let told = |line: &&Value| {
            line["message"].as_str().unwrap_or("").starts_with("the inventory is not followed")
        };
        daemon.log().iter().filter(told).count()
    };
    daemon.wait_for("the second alarm", || alarms() >= 2).await;
    let before = of(&daemon, "there").len();
    daemon.wait_for("more outcomes", || of(&daemon, "there").len() > before + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_16_a_line_that_cannot_be_checked_has_an_outcome_each_time_that_says_why() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let router = lab.router("a");
    let hosts = Hosts::default();
    *hosts.lock() =
        Some(vec![host("1", "good", router, "cisco_iosxe"), host("2", "odd", router, "acme_os")]);
    let site = site(&hosts).await;
    let daemon = site.start().await;
    daemon.wait_for("three outcomes", || of(&daemon, "odd").len() >= 3).await;
    for outcome in of(&daemon, "odd") {
        assert_eq!((&outcome["status"], &outcome["target"]), (&json!("failed"), &json!("odd")));
        let message = outcome["error"]["message"].as_str().unwrap();
        assert!(message.contains("{$LINE_ROUTER_PLATFORM} is \"acme_os\""), "{message}");
    }
    let due: std::collections::BTreeSet<_> =
        of(&daemon, "odd").iter().map(|outcome| outcome["scheduled_at"].to_string()).collect();
    assert_eq!(due.len(), of(&daemon, "odd").len(), "one for each time it was due");
    assert!(of(&daemon, "good").iter().all(|outcome| outcome["status"] == "measured"));
}

/// What `/status` says of Zabbix as a source.
async fn source(daemon: &Daemon) -> Value {
    let (_, status) = get(daemon.http(), "/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    status["inventory"][1].clone()
}

fn is_kept_checked(daemon: &Daemon) -> bool {
    daemon.logged("what was kept of the inventory is checked").is_some()
}

fn both(lab: &Lab) -> Vec<Value> {
    let hosts = [("1", "a"), ("2", "b")];
    hosts.map(|(id, name)| host(id, name, lab.router(name), "cisco_iosxe")).to_vec()
}

/// A site, and where what Zabbix says is kept, with "a", whose password is also an entry of
/// credentials, and "b", whose password only Zabbix knows. The daemon was there and has ended.
async fn checked_before(lab: &Lab, hosts: &Hosts) -> (Site, std::path::PathBuf) {
    let a = lab.router("a").address().to_string();
    *hosts.lock() = Some(both(lab));
    let mut site = site(hosts).await;
    site.config["zabbix"]["api"]["refresh"] = "5s".into();
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["credentials"] = json!([{ "routers": [a], "password": DEFAULT_PASSWORD }]);
    let file = site.write().with_file_name("inventory").join("zabbix.json");
    let mut daemon = site.start().await;
    let is_measured = |line| of(&daemon, line).iter().any(|it| it["status"] == "measured");
    daemon.wait_for("both lines", || is_measured("a") && is_measured("b")).await;
    daemon.wait_for("what is kept", || file.exists()).await;
    daemon.terminate();
    daemon.ended().await;
    (site, file)
}

/// Waits until "a" is measured, and "b" fails for the reason that its password was not kept.
async fn without_a_password(daemon: &Daemon) {
    daemon
        .wait_for("both lines", || !of(daemon, "a").is_empty() && !of(daemon, "b").is_empty())
        .await;
    assert!(of(daemon, "a").iter().all(|outcome| outcome["status"] == "measured"));
    for outcome in of(daemon, "b") {
        assert_eq!(outcome["status"], "failed", "{outcome}");
        let message = outcome["error"]["message"].as_str().unwrap();
        let reason = "{$LINE_ROUTER_PASSWORD} is not kept while Zabbix is away";
        assert!(message.contains(reason), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_zabbix_said_last_is_checked_after_a_start_at_which_it_is_away() {
    let routers = ["a", "b"].map(|name| RouterSpec::new(name, "cisco_iosxe"));
    let lab = Lab::start(routers.to_vec()).await.unwrap();
    let hosts = Hosts::default();
    let (mut site, file) = checked_before(&lab, &hosts).await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("not_kept") && !text.contains(DEFAULT_PASSWORD), "{text}");
    // It is there at a start: nothing that was kept counts, and no line fails meanwhile.
    let mut daemon = site.start().await;
    daemon.wait_for("b", || !of(&daemon, "b").is_empty()).await;
    assert!(of(&daemon, "b").iter().all(|outcome| outcome["status"] == "measured"));
    assert!(!is_kept_checked(&daemon));
    daemon.terminate();
    daemon.ended().await;
    // Away.
    *hosts.lock() = None;
    let mut daemon = site.start().await;
    without_a_password(&daemon).await;
    let away = source(&daemon).await;
    assert!(away["trouble"].is_string() && away["lines"] == 2, "{away}");
    assert!(away["as_of"].as_str() < away["since"].as_str(), "{away}");
    // Back.
    *hosts.lock() = Some(both(&lab));
    let is_measured = || of(&daemon, "b").iter().any(|it| it["status"] == "measured");
    daemon.wait_for("b", is_measured).await;
    let back = source(&daemon).await;
    assert!(back["trouble"].is_null(), "{back}");
    assert!(away["as_of"].as_str() < back["as_of"].as_str(), "{back}");
    daemon.terminate();
    daemon.ended().await;
    // What was kept of one proxy is not taken for the lines of another.
    *hosts.lock() = None;
    site.config["zabbix"]["proxy_name"] = "other".into();
    let daemon = site.start().await;
    daemon.wait_for("the alarm", || daemon.logged("the inventory is not followed").is_some()).await;
    assert_eq!(source(&daemon).await["lines"], 0);
    assert!(!is_kept_checked(&daemon));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_checked_too_when_zabbix_keeps_the_first_look_waiting() {
    let routers = ["a", "b"].map(|name| RouterSpec::new(name, "cisco_iosxe"));
    let lab = Lab::start(routers.to_vec()).await.unwrap();
    let (mut site, file) = checked_before(&lab, &Hosts::default()).await;
    // Connections are taken, and nobody answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api_jsonrpc.php", silent.local_addr().unwrap());
    let known = site.config["zabbix"]["api"]["url"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&known, &url)).unwrap();
    site.config["zabbix"]["api"]["url"] = url.into();
    site.config["zabbix"]["api"]["timeout"] = "1m".into();
    let mut daemon = site.start().await;
    without_a_password(&daemon).await;
    assert!(daemon.logged("the inventory is not followed").is_none(), "the look goes on");
    daemon.terminate();
    daemon.ended().await;
    // A damaged record is told, and is no reason not to start.
    std::fs::write(&file, "{").unwrap();
    let daemon = site.start().await;
    let told = || daemon.logged("what was kept of the inventory is unreadable").is_some();
    daemon.wait_for("the warning", told).await;
    assert_eq!(source(&daemon).await["lines"], 0);
}
