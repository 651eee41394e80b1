//! SIGTERM: finished checks are delivered, and the process ends within its grace period.

use std::time::Duration;

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::{Site, binary};
use crate::trapper::Trapper;

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_of_finished_checks_are_delivered_before_the_end() {
    let lab = Lab::start(vec![
        RouterSpec::new("good", "cisco_iosxe").ping(Ping::lossy(50)),
        RouterSpec::new("refusing", "huawei_vrp").fault(Fault::AuthRefused),
        RouterSpec::new("silent", "linux").fault(Fault::StallInKex),
    ])
    .await
    .unwrap();
    let trapper = Trapper::start().await;
    let mut site = Site::of(&lab);
    site.config["zabbix"] = json!({ "sender": { "address": trapper.address.to_string() } });
    site.config["connection"]["connect_timeout"] = "30s".into();
    let mut daemon = site.start().await;
    let has = |line: &str| daemon.outcomes().iter().any(|outcome| outcome["line"] == line);
    daemon.wait_for("two outcomes", || has("good") && has("refusing")).await;
    daemon.terminate();
    let (code, took) = daemon.ended().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");

    let values = trapper.values();
    let of = |line: &str| values.iter().filter(|v| v["host"] == line).cloned().collect::<Vec<_>>();
    assert_eq!(of("good")[0]["key"], "dedicatedLinePing");
    assert_eq!(of("good")[0]["value"], "50");
    assert_eq!(of("refusing")[0]["key"], "dedicatedLineErrorDetail");
    assert_eq!(of("refusing")[0]["value"], "ConnectionError");
    assert!(of("silent").is_empty(), "what we cut short is no fault of the line: {values:?}");
    let told = |outcome: &&serde_json::Value| {
        outcome["status"] != "skipped" && outcome["error"]["kind"] != "Cancelled"
    };
    assert_eq!(values.len(), daemon.outcomes().iter().filter(told).count());
    for router in lab.routers() {
        daemon.wait_for("closed connections", || router.connections_open() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zabbix_that_never_answers_costs_the_grace_period_and_no_more() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut site = Site::of(&lab);
    let address = silent.local_addr().unwrap().to_string();
    site.config["zabbix"] = json!({ "sender": { "address": address } });
    site.config["shutdown_grace"] = "2s".into();
    let mut daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    daemon.terminate();
    let (code, took) = daemon.ended().await;
    assert_eq!(code, Some(0));
    assert!((1..4).contains(&took.as_secs()), "{took:?}");
    let warning = daemon.logged("stopping: not delivered to Zabbix").expect("it says so");
    assert!(warning["outcomes"].as_u64() >= Some(1), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut site = Site::of(&lab);
    let address = silent.local_addr().unwrap().to_string();
    site.config["zabbix"] = json!({ "sender": { "address": address } });
    site.config["shutdown_grace"] = "60s".into();
    let mut daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    daemon.terminate();
    daemon.wait_for("the first", || daemon.logged("stopping; a second").is_some()).await;
    daemon.terminate();
    let (code, took) = daemon.ended().await;
    assert_eq!(code, Some(130));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_stopped_reading_does_not_keep_a_single_round_from_ending() {
    let lab =
        Lab::start(vec![RouterSpec::new("refusing", "linux").fault(Fault::Refuse)]).await.unwrap();
    let mut site = Site::of(&lab);
    // Much more than a pipe holds.
    for number in 0..1000 {
        site.add_line(&format!("L{number}"), "refusing");
    }
    for output in ["json", "table"] {
        let mut once = binary();
        let mut once = once.args(["once", "-o", output, "-c"]).arg(site.write()).spawn().unwrap();
        let mut stdout = once.stdout.take().unwrap();
        stdout.read_u8().await.unwrap();
        let pid = once.id().unwrap().to_string();
        std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(20), once.wait()).await;
        assert_eq!(ended.expect("it ends").unwrap().code(), Some(1), "{output}");
    }
}
