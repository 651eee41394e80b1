//! The template can be imported, its items get values, and its triggers fire and recover.

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::{Value, json};
use zabbix_lab::Version;

use crate::delivery::site;
use crate::support::run;
use crate::zabbix::{CHARACTER, FLOAT, PING, Zabbix, wait_for, zabbix};

/// Imports what `monitord zabbix template` writes.
async fn import(zabbix: &Zabbix) {
    let version = zabbix.version.as_str();
    let written = run(&["zabbix", "template", "--for", version], &[]).await;
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let all = json!({ "createMissing": true, "updateExisting": true });
    let groups = match zabbix.version {
        Version::V6_0 => "groups",
        Version::V7_0 => "template_groups",
    };
    let rules = json!({ groups: all, "templates": all, "items": all, "triggers": all });
    let import = json!({ "format": "json", "rules": rules, "source": written.stdout });
    // The second time it finds what it has made.
    for _ in 0..2 {
        assert_eq!(zabbix.call("configuration.import", import.clone()), true);
    }
}

/// The keys of a host that link it to a template.
fn linked_to(zabbix: &Zabbix, template: &str) -> Value {
    let query = json!({ "output": ["templateid"], "filter": { "host": [template] } });
    let found = zabbix.call("template.get", query);
    json!({
        "templates": [{ "templateid": found[0]["templateid"] }],
        "macros": [
            { "macro": "{$LINE_ERROR_PERIOD}", "value": "30s" },
            { "macro": "{$LINE_SILENCE}", "value": "45s" },
            { "macro": "{$MONITORD_SILENCE}", "value": "45s" },
        ],
    })
}

/// The names of what is wrong with hosts, with the hosts.
fn problems(zabbix: &Zabbix, hosts: &[String]) -> Vec<String> {
    let query = json!({ "output": ["name"], "hostids": hosts, "sortfield": ["eventid"] });
    let found = zabbix.call("problem.get", query);
    let mut names: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Waits until exactly these things are wrong.
async fn expect_problems(zabbix: &Zabbix, hosts: &[String], expected: &[&str]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    let what = format!("these problems: {expected:#?}");
    wait_for(&what, async || problems(zabbix, hosts) == expected).await;
}

async fn triggers_fire_and_recover(version: Version) {
    let Some(zabbix) = zabbix(version) else { return };
    import(zabbix).await;
    let lab = Lab::start(vec![
        RouterSpec::new("tpl-good", "linux"),
        RouterSpec::new("tpl-dead", "linux").ping(Ping::dead()),
        RouterSpec::new("tpl-lossy", "linux").ping(Ping::lossy(50)),
        RouterSpec::new("tpl-sick", "linux").fault(Fault::Refuse),
    ])
    .await
    .unwrap();
    let names = ["tpl-good", "tpl-dead", "tpl-lossy", "tpl-sick"];
    let line = linked_to(zabbix, "Leased line by monitord");
    let mut hosts: Vec<_> = names.map(|name| zabbix.create_host(name, line.clone())).into();
    let itself = linked_to(zabbix, "monitord");
    hosts.push(zabbix.create_host("tpl-monitord", itself.clone()));
    // Of these something is heard once, and then never again: they fall silent while the others are
    // looked at.
    hosts.push(zabbix.create_host("tpl-silent", line));
    hosts.push(zabbix.create_host("tpl-gone", itself));
    for name in names.iter().chain(&["tpl-monitord", "tpl-silent", "tpl-gone"]) {
        zabbix.known(&zabbix.proxy().address, name).await;
    }
    zabbix.send("tpl-silent", PING, "0").await;
    zabbix.send("tpl-gone", "monitord.uptime", "1").await;
    let mut site = site(zabbix, &lab);
    site.config["zabbix"]["items"] = json!({
        "loss": "line.loss", "rtt_avg": "line.rtt.avg", "status": "line.status",
    });
    site.config["zabbix"]["heartbeat"] =
        json!({ "host": "tpl-monitord", "key": "monitord.uptime", "interval": "10s" });

    let mut daemon = site.start().await;
    let expected = [
        "Line tpl-dead is down",
        "Line tpl-lossy loses packets",
        "Line tpl-sick cannot be checked",
        "Nothing is heard of line tpl-silent",
        "Nothing is heard of monitord on tpl-gone",
    ];
    expect_problems(zabbix, &hosts, &expected).await;
    daemon.terminate();
    daemon.ended().await;
    assert!(!zabbix.history("tpl-lossy", "line.loss", FLOAT).is_empty());
    assert!(!zabbix.history("tpl-good", "line.status", CHARACTER).is_empty());

    // All lines are well, behind the router that is.
    for line in site.config["lines"].as_array_mut().unwrap() {
        line["router"] = json!("tpl-good");
    }
    zabbix.send("tpl-silent", PING, "0").await;
    zabbix.send("tpl-gone", "monitord.uptime", "1").await;
    let mut daemon = site.start().await;
    expect_problems(zabbix, &hosts, &[]).await;
    daemon.terminate();
    daemon.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_of_the_template_fire_and_recover() {
    triggers_fire_and_recover(Version::V6_0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_of_the_template_fire_and_recover_in_zabbix_7() {
    triggers_fire_and_recover(Version::V7_0).await;
}
