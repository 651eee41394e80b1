//! Outcomes arrive in Zabbix one for one, whatever refuses them for a while.

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::{Value, json};
use zabbix_lab::Version;

use crate::support::Site;
use crate::zabbix::{FLOAT, PING, TEXT, UNSIGNED, Zabbix, moment, wait_for, zabbix};

/// A configuration that reports to the proxy, with its spool on the disk.
pub(crate) fn site(zabbix: &Zabbix, lab: &Lab) -> Site {
    let mut site = Site::of(lab);
    site.config["spool"] = json!({ "directory": "spool" });
    // Who is refused is known at once; all others get as long as a busy machine takes.
    site.config["connection"]["connect_timeout"] = json!("10s");
    site.config["zabbix"] = json!({ "sender": { "address": zabbix.proxy().address } });
    site
}

/// The moment of an outcome, as exact as it is printed.
fn moment_of(outcome: &Value) -> (i64, u32) {
    let text = outcome["started_at"].as_str().or(outcome["scheduled_at"].as_str()).unwrap();
    let at: jiff::Timestamp = text.parse().unwrap();
    (at.as_second(), at.subsec_nanosecond().unsigned_abs() / 1_000_000)
}

/// What outcomes say, in the order of their moments.
pub(crate) fn said(outcomes: &[Value], host: &str) -> Vec<((i64, u32), String)> {
    let of_host = outcomes.iter().filter(|outcome| outcome["line"] == host);
    let mut said: Vec<_> = of_host
        .map(|outcome| {
            let loss = outcome["loss_pct"].as_f64().map(|loss| format!("{loss:.0}"));
            (moment_of(outcome), loss.unwrap_or_else(|| "ConnectionError".to_owned()))
        })
        .collect();
    said.sort();
    said
}

/// What Zabbix has of a host, in the order of its moments.
pub(crate) fn stored(zabbix: &Zabbix, host: &str) -> Vec<((i64, u32), String)> {
    let mut values = zabbix.history(host, PING, UNSIGNED);
    values.extend(zabbix.history(host, "dedicatedLineErrorDetail", TEXT));
    let mut stored: Vec<_> = values
        .iter()
        .map(|value| {
            let (clock, ns) = moment(value);
            ((clock, ns / 1_000_000), value["value"].as_str().unwrap().to_owned())
        })
        .collect();
    stored.sort();
    stored
}

async fn outcomes_are_values_one_for_one(version: Version) {
    let Some(zabbix) = zabbix(version) else { return };
    let lab = Lab::start(vec![
        RouterSpec::new("out-good", "linux"),
        RouterSpec::new("out-lossy", "cisco_iosxe").ping(Ping::lossy(50)),
        RouterSpec::new("out-sick", "huawei_vrp").fault(Fault::Refuse),
    ])
    .await
    .unwrap();
    let hosts = ["out-good", "out-lossy", "out-sick"];
    for host in hosts {
        let id = zabbix.create_host(host, json!({}));
        zabbix.create_items(&id);
        zabbix.create_item(&id, "line.rtt.avg", FLOAT);
    }
    for host in hosts {
        zabbix.known(&zabbix.proxy().address, host).await;
    }
    let mut site = site(zabbix, &lab);
    site.config["zabbix"]["items"] = json!({ "rtt_avg": "line.rtt.avg" });
    let mut daemon = site.start().await;
    daemon
        .wait_for("two outcomes of each line", || {
            let outcomes = daemon.outcomes();
            hosts.iter().all(|host| outcomes.iter().filter(|o| o["line"] == *host).count() >= 2)
        })
        .await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    let outcomes = daemon.outcomes();
    assert!(outcomes.iter().any(|outcome| outcome["loss_pct"] == 50.0), "{outcomes:#?}");
    for host in hosts {
        let expected = said(&outcomes, host);
        let what = format!("{} values of {host} in the history", expected.len());
        wait_for(&what, async || stored(zabbix, host).len() >= expected.len()).await;
        assert_eq!(stored(zabbix, host), expected, "{host}");
    }
    let rtt = zabbix.history("out-good", "line.rtt.avg", FLOAT);
    let printed: Vec<_> = outcomes.iter().filter(|o| o["line"] == "out-good").collect();
    assert_eq!(rtt.len(), printed.len());
    for value in rtt {
        let rtt: f64 = value["value"].as_str().unwrap().parse().unwrap();
        assert!(
            printed.iter().any(|o| (o["rtt_avg_ms"].as_f64().unwrap() / 1e3 - rtt).abs() < 1e-6)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_values_one_for_one_clock_and_nanoseconds_included() {
    outcomes_are_values_one_for_one(Version::V6_0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_values_of_zabbix_7_one_for_one() {
    outcomes_are_values_one_for_one(Version::V7_0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_values_are_found_named_and_delivered_once_zabbix_is_mended() {
    let zabbix = zabbix(Version::V6_0).unwrap();
    let hosts = ["mend-good", "mend-absent", "mend-bare", "mend-off"];
    let specs = hosts.iter().map(|host| RouterSpec::new(*host, "linux"));
    let lab = Lab::start(specs.collect()).await.unwrap();
    let good = zabbix.create_host("mend-good", json!({}));
    zabbix.create_items(&good);
    // Of one the host is missing, of one the items, and one is disabled.
    let absent = zabbix.create_host("mend-absent", json!({}));
    zabbix.call("host.delete", json!([absent]));
    let bare = zabbix.create_host("mend-bare", json!({}));
    let off = zabbix.create_host("mend-off", json!({ "status": 1 }));
    zabbix.create_items(&off);
    zabbix.known(&zabbix.proxy().address, "mend-good").await;
    zabbix.known(&zabbix.proxy().address, "mend-bare").await;
    let mut daemon = site(zabbix, &lab).start().await;
    let refused = || -> Vec<String> {
        let warnings = daemon.log().into_iter();
        let warnings = warnings.filter(|line| {
            line["message"].as_str().unwrap_or("").starts_with("Zabbix refuses items")
        });
        warnings.map(|line| line["first"].as_str().unwrap_or("").to_owned()).collect()
    };
    daemon
        .wait_for("the refused items to be named", || {
            let refused = refused().join(" ");
            hosts[1..].iter().all(|host| refused.contains(host))
        })
        .await;
    assert!(!refused().join(" ").contains("mend-good"));
    let absent = zabbix.create_host("mend-absent", json!({}));
    zabbix.create_items(&absent);
    zabbix.create_items(&bare);
    zabbix.call("host.update", json!({ "hostid": off, "status": 0 }));
    wait_for("everything that was refused", async || {
        hosts.iter().all(|host| stored(zabbix, host).len() >= 3)
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    let outcomes = daemon.outcomes();
    for host in hosts {
        let expected = said(&outcomes, host);
        wait_for("the rest", async || stored(zabbix, host).len() >= expected.len()).await;
        assert_eq!(stored(zabbix, host), expected, "{host}");
    }
}

/// Whether an item is not supported, and with what text.
fn state(zabbix: &Zabbix, host: &str) -> (bool, String) {
    let query = json!({ "output": ["state", "error"], "itemids": [zabbix.item(host, PING)] });
    let found = zabbix.call("item.get", query);
    (found[0]["state"] == "1", found[0]["error"].as_str().unwrap().to_owned())
}

async fn an_item_without_figures_is_not_supported(version: Version, host: &'static str) {
    let Some(zabbix) = zabbix(version) else { return };
    let lab = Lab::start(vec![RouterSpec::new(host, "linux")]).await.unwrap();
    let id = zabbix.create_host(host, json!({}));
    zabbix.create_items(&id);
    zabbix.known(&zabbix.proxy().address, host).await;
    let mut site = site(zabbix, &lab);
    site.config["zabbix"]["not_supported"] = json!(true);
    site.config["pool"] = json!({ "idle_max": "1s", "gate_permanent_first": "1s" });
    site.config["connection"]["min_connections"] = json!(0);
    site.config["control"] = json!({ "socket": "control.sock" });
    let mut daemon = site.start().await;
    let figures = async || !zabbix.history(host, PING, UNSIGNED).is_empty();
    wait_for("a figure", figures).await;
    assert_eq!(state(zabbix, host), (false, String::new()));
    lab.router(host).set_fault(Some(Fault::AuthRefused));
    wait_for("the state", async || {
        site.run("check-now", &[host]).await;
        state(zabbix, host).0
    })
    .await;
    let (_, text) = state(zabbix, host);
    let expected = "ConnectionError: Authentication in authentication: ";
    assert!(text.starts_with(expected), "{text}");
    lab.router(host).set_fault(None);
    wait_for("the item to be supported again", async || {
        site.run("check-now", &[host]).await;
        !state(zabbix, host).0
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    // What is said beside the values changes none of them.
    let expected = said(&daemon.outcomes(), host);
    wait_for("the rest", async || stored(zabbix, host).len() >= expected.len()).await;
    assert_eq!(stored(zabbix, host), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_without_figures_is_not_supported_and_says_why_until_there_are_some() {
    an_item_without_figures_is_not_supported(Version::V6_0, "why-none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_zabbix_7_without_figures_is_not_supported_and_says_why() {
    an_item_without_figures_is_not_supported(Version::V7_0, "why-none").await;
}
