//! What is read of the hosts that are there.

use serde_json::{Value, json};
use zabbix_lab::Version;

use crate::rig::{Rig, macros};
use crate::support::Site;

const ROUTER: [(&str, &str); 3] =
    [("ROUTER_USERNAME", "m"), ("ROUTER_PASSWORD", "hunter2"), ("ROUTER_PLATFORM", "cisco_iosxe")];

fn with(more: &[(&str, &str)]) -> Value {
    let mut pairs = ROUTER.to_vec();
    pairs.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    pairs.extend(more);
    macros(&pairs)
}

/// The lines that are shown, by name without that of the test.
async fn lines(rig: &Rig, site: &Site) -> Vec<(String, Value)> {
    let shown = site.run("lines", &["-o", "json"]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.everything());
    assert!(!shown.everything().contains("hunter2"), "{}", shown.everything());
    let name = |line: &Value| {
        line["line"].as_str().unwrap().strip_prefix(rig.name).unwrap()[1..].to_owned()
    };
    shown.json().into_iter().map(|line| (name(&line), line)).collect()
}

#[track_caller]
fn line<'a>(lines: &'a [(String, Value)], name: &str) -> &'a Value {
    let found = lines.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no line {name} in {lines:#?}")).1
}

async fn every_macro_is_read(version: Version, name: &'static str) {
    let Some(mut rig) = Rig::new(version, name) else { return };
    let deep = [("CHECK_INTERVAL", "15m"), ("PING_COUNT", "7"), ("ROUTER_PORT", "2222")];
    let deep = rig.add_template("deep", macros(&deep), &[]);
    let near = [("CHECK_INTERVAL", "5m"), ("ROUTER_IP", "192.0.2.1")];
    let near = rig.add_template("near", macros(&near), &[&deep]);
    let linked = json!({ "templates": [{ "templateid": near }] });
    rig.add_host("a.example", with(&[("ROUTER_PROTOCOL", "cli")]), linked.clone());
    let all = [
        ("CHECK_INTERVAL", "90s"),
        ("ROUTER_IP", "192.0.2.2"),
        ("ROUTER_PORT", "22"),
        ("ROUTER_PLATFORM", "huawei_vrp"),
        ("ROUTER_PROTOCOL", "ssh"),
        ("ROUTER_ENABLE_PASSWORD", "hunter22"),
        ("TARGET", "198.51.100.9"),
        ("PING_COUNT", "3"),
        ("PING_TIMEOUT", "4s"),
        ("PING_SIZE", "1400"),
        ("PING_SOURCE", "203.0.113.1"),
        ("PING_VRF", "customers"),
        ("ID", "L0002"),
    ];
    rig.add_host("b", with(&all), linked);
    let lines = lines(&rig, &rig.site()).await;
    let a = line(&lines, "a.example");
    assert_eq!((&a["interval_s"], &a["ping"]["count"]), (&json!(300), &json!(7)), "{a}");
    assert_eq!((&a["address"], &a["protocol"]), (&json!("192.0.2.1:2222"), &json!("scrapli")));
    assert_eq!(a["target"], format!("{name}-a.example"));
    let b = line(&lines, "b");
    let expected = json!({
        "line": format!("{name}-b"), "target": "198.51.100.9", "interval_s": 90, "task": "ping",
        "ping": { "count": 3, "timeout_s": 4, "size": 1400, "source": "203.0.113.1",
            "vrf": "customers" },
        "unresolved": null, "router": "192.0.2.2", "address": "192.0.2.2:22",
        "platform": "huawei_vrp", "protocol": "ssh", "username": "m", "password": "***",
        "enable_password": "***",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&b[key], value, "{key} of {b}");
    }
}

#[tokio::test]
async fn every_macro_is_read_from_6_0() {
    every_macro_is_read(Version::V6_0, "macros").await;
}

#[tokio::test]
async fn every_macro_is_read_from_7_0() {
    every_macro_is_read(Version::V7_0, "macros").await;
}

/// LESSONS 18, first half: what spoilt the predecessor's inventory spoils no other line's.
async fn one_odd_host_spoils_no_other(version: Version, name: &'static str) {
    let Some(mut rig) = Rig::new(version, name) else { return };
    let none = || json!({});
    rig.add_host("good", with(&[("ROUTER_IP", "192.0.2.1")]), none());
    rig.add_host("bare", json!([]), none());
    rig.add_host("with blank", with(&[("ROUTER_IP", "192.0.2.1")]), none());
    rig.add_host("zero", with(&[("ROUTER_IP", "192.0.2.1"), ("CHECK_INTERVAL", "0")]), none());
    let odd = [("ROUTER_IP", "192.0.2.1; reboot"), ("ROUTER_PLATFORM", "http://x/y")];
    rig.add_host("odd", with(&odd), none());
    let mut secret = with(&[("ROUTER_IP", "192.0.2.3")]);
    for one in secret.as_array_mut().unwrap() {
        if one["macro"] == "{$LINE_ROUTER_PASSWORD}" {
            one["type"] = json!("1");
        }
    }
    rig.add_host("secret", secret, none());
    let mut site = rig.site();
    let validated = site.run("validate", &[]).await;
    assert_eq!(validated.code, Some(1), "{}", validated.everything());
    let told: Vec<_> = validated.stdout.lines().filter(|line| line.starts_with("line ")).collect();
    let expected = [
        ("bare", "{$LINE_ROUTER_IP} is missing; {$LINE_ROUTER_PLATFORM} is missing"),
        ("odd", "{$LINE_ROUTER_IP} is \"192.0.2.1; reboot\": allowed is an IP address"),
        ("secret", "{$LINE_ROUTER_PASSWORD} is a secret macro, and no entry of credentials has it"),
        ("with blank", "{$LINE_TARGET} is missing, and the host's name is no address"),
        ("zero", "{$LINE_CHECK_INTERVAL} is \"0\": allowed is 10s to 24h"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, (host, reason)) in told.iter().zip(expected) {
        assert!(told.starts_with(&format!("line {name}-{host}: {reason}")), "{told}");
    }

    // The secret is filled in; the others are lines all the same.
    site.config["credentials"] = json!([{ "routers": ["192.0.2.*"], "password": "hunter2" }]);
    let lines = lines(&rig, &site).await;
    assert_eq!(lines.len(), 6);
    assert_eq!(line(&lines, "secret")["password"], "***");
    assert_eq!(line(&lines, "good")["unresolved"], Value::Null);
    assert!(line(&lines, "bare")["unresolved"].as_str().unwrap().contains("ROUTER_IP"));

    // And each of them has an outcome.
    let bare = format!("{name}-bare");
    let once = site.run("once", &["--line", &bare, "-o", "json"]).await;
    let outcome = &once.json()[0];
    assert_eq!((once.code, &outcome["status"]), (Some(1), &json!("failed")), "{outcome}");
    assert_eq!(outcome["error"]["kind"], "InvalidConfig");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("{$LINE_ROUTER_IP} is missing"));
}

#[tokio::test]
async fn lesson_18_one_odd_host_spoils_no_other_of_6_0() {
    one_odd_host_spoils_no_other(Version::V6_0, "odd").await;
}

#[tokio::test]
async fn lesson_18_one_odd_host_spoils_no_other_of_7_0() {
    one_odd_host_spoils_no_other(Version::V7_0, "odd").await;
}

/// LESSONS 18, second half: the tag is equal, and not contained.
#[tokio::test]
async fn lesson_18_only_enabled_hosts_of_the_proxy_with_the_very_tag_are_lines() {
    for version in Version::ALL {
        let Some(mut rig) = Rig::new(version, "scope") else { continue };
        let plain = || with(&[("ROUTER_IP", "192.0.2.1")]);
        rig.add_host("ours", plain(), json!({}));
        let tag = |value: String| json!({ "tags": [{ "tag": "TempType", "value": value }] });
        rig.add_host("like", plain(), tag(format!("OFF{}", rig.tag())));
        rig.add_host("longer", plain(), tag(format!("{}X", rig.tag())));
        rig.add_host("disabled", plain(), json!({ "status": "1" }));
        let other = rig.monitored_by("proxy-b");
        rig.add_host("elsewhere", plain(), other);
        let template = rig.add_template("tagged", json!([]), &[]);
        let tags = json!([{ "tag": "TempType", "value": rig.tag() }]);
        rig.call("template.update", json!({ "templateid": template, "tags": tags }));
        let inherits = json!({ "tags": [], "templates": [{ "templateid": template }] });
        rig.add_host("inherits", plain(), inherits);
        let lines = lines(&rig, &rig.site()).await;
        let names: Vec<_> = lines.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["inherits", "ours"], "{version}");
    }
}

#[tokio::test]
async fn the_hosts_of_a_group_of_proxies_are_lines() {
    let Some(mut rig) = Rig::new(Version::V7_0, "members") else { return };
    let group = rig.access().proxy_group.as_ref().unwrap();
    let of_group = rig.zabbix.of_group();
    rig.add_host("in", with(&[("ROUTER_IP", "192.0.2.1")]), of_group);
    rig.add_host("out", with(&[("ROUTER_IP", "192.0.2.1")]), json!({}));
    let mut site = rig.site();
    site.config["zabbix"]["proxy_group"] = json!(group.name);
    site.config["zabbix"].as_object_mut().unwrap().remove("proxy_name");
    let lines = lines(&rig, &site).await;
    let names: Vec<_> = lines.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["in"]);
}

#[tokio::test]
async fn a_router_of_the_configuration_serves_hosts_that_do_not_describe_it() {
    let Some(mut rig) = Rig::new(Version::V6_0, "known") else { return };
    rig.add_host("plain", macros(&[("ROUTER_IP", "192.0.2.1")]), json!({}));
    let mut site = rig.site();
    site.config["routers"] = json!([{
        "name": "edge-1", "host": "192.0.2.1", "platform": "cisco_iosxe", "username": "m",
        "password": "hunter2", "max_connections": 1,
    }]);
    let lines = lines(&rig, &site).await;
    assert_eq!(line(&lines, "plain")["router"], "edge-1");
    assert_eq!(line(&lines, "plain")["max_connections"], 1);
}

#[tokio::test]
async fn hosts_that_describe_one_router_differently_are_named() {
    let Some(mut rig) = Rig::new(Version::V6_0, "differ") else { return };
    for name in ["a", "b"] {
        rig.add_host(name, with(&[("ROUTER_IP", "192.0.2.1")]), json!({}));
    }
    let other = [("ROUTER_IP", "192.0.2.1"), ("ROUTER_USERNAME", "other")];
    rig.add_host("c", with(&other), json!({}));
    let site = rig.site();
    let validated = site.run("validate", &[]).await;
    let told = "warning: line differ-c: router 192.0.2.1: {$LINE_ROUTER_USERNAME} differ from \
                those of 2 other lines: what they say counts";
    assert!(validated.stdout.contains(told), "{}", validated.everything());
    assert!(lines(&rig, &site).await.iter().all(|(_, line)| line["username"] == "m"));
}
