//! A trial beside another monitor: everything is checked and shown, nothing is reported to Zabbix.

use lab::{Lab, RouterSpec};
use serde_json::json;

use crate::pages::get;
use crate::support::{Daemon, Site};
use crate::trapper::Trapper;

async fn site(lab: &Lab, trapper: &Trapper) -> Site {
    let mut site = Site::of(lab);
    let folder = site.write().parent().unwrap().to_owned();
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["spool"] = json!({ "directory": folder.join("spool") });
    site.config["file"] = json!({ "path": folder.join("outcomes.jsonl") });
    site.config["zabbix"] = json!({
        "sender": { "address": trapper.address.to_string() },
        "heartbeat": { "host": "monitord", "key": "monitord.uptime", "interval": "10s" },
    });
    site
}

async fn outcomes(daemon: &Daemon, count: usize) {
    daemon.wait_for("outcomes", || daemon.outcomes().len() >= count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_shows_everything_and_reports_nothing_and_leaves_nothing_to_report_later() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let trapper = Trapper::start().await;
    let mut site = site(&lab, &trapper).await;
    let mut daemon = site.start_with(&["--dry-run", "-o", "json"]).await;
    outcomes(&daemon, 2).await;
    assert!(daemon.logged("zabbix.report is false").is_some(), "{:?}", daemon.log());
    let (status, page) = get(daemon.http(), "/status").await;
    assert_eq!(status, 200);
    assert!(page.contains("\"line\":\"a\""), "{page}");
    let (_, metrics) = get(daemon.http(), "/metrics").await;
    assert!(metrics.contains("\nmonitord_zabbix_reporting 0\n"), "{metrics}");
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    let file = site.write().with_file_name("outcomes.jsonl");
    let of_trial = std::fs::read_to_string(file).unwrap().lines().count();
    assert!(of_trial >= 2, "{of_trial}");
    // It had all the time of its life, and of its end, to deliver.
    assert_eq!(trapper.connections(), 0);
    // In earnest: what comes is reported, and nothing of the trial.
    let began = jiff::Timestamp::now().as_second();
    site.config["zabbix"]["report"] = json!(true);
    let mut daemon = site.start().await;
    daemon.wait_for("values", || !trapper.values().is_empty()).await;
    let (_, metrics) = get(daemon.http(), "/metrics").await;
    assert!(metrics.contains("\nmonitord_zabbix_reporting 1\n"), "{metrics}");
    daemon.terminate();
    daemon.ended().await;
    for value in trapper.values() {
        assert!(value["clock"].as_i64().unwrap() >= began, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_can_say_so_itself() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let trapper = Trapper::start().await;
    let mut site = site(&lab, &trapper).await;
    site.config["zabbix"]["report"] = json!(false);
    let validated = site.run("validate", &["--offline"]).await;
    let told =
        "warning: zabbix.report is false: lines are checked, and nothing is reported to Zabbix";
    assert!(validated.stdout.contains(told), "{}", validated.everything());
    let mut daemon = site.start().await;
    outcomes(&daemon, 1).await;
    daemon.terminate();
    daemon.ended().await;
    assert_eq!(trapper.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_validated_with_a_look_at_zabbix_that_brings_it_nothing() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let trapper = Trapper::start().await;
    let mut site = site(&lab, &trapper).await;
    site.config["zabbix"]["report"] = json!(false);
    let validated = site.run("validate", &[]).await;
    assert_eq!(validated.code, Some(0), "{}", validated.everything());
    let told = format!("zabbix sender: {} answers; it gets no value", trapper.address);
    assert!(validated.stdout.contains(&told), "{}", validated.stdout);
    assert_eq!((trapper.connections(), trapper.values().len()), (1, 0));
    // Nobody is there yet: worth knowing, and no reason not to begin the trial.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    site.config["zabbix"]["sender"]["address"] = json!(nobody.to_string());
    let validated = site.run("validate", &[]).await;
    assert_eq!(validated.code, Some(0), "{}", validated.everything());
    let told = format!("warning: zabbix: cannot connect to {nobody}: ");
    assert!(validated.stdout.contains(&told), "{}", validated.stdout);
    site.config["zabbix"]["report"] = json!(true);
    assert_eq!(site.run("validate", &[]).await.code, Some(1), "in earnest it is a problem");
}
