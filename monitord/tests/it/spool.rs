//! Outcomes outlive outages and crashes, and a spool belongs to one process.

use std::collections::BTreeSet;

use lab::{Lab, RouterSpec};
use serde_json::{Value, json};

use crate::support::{Daemon, Ended, Site, run};
use crate::trapper::Trapper;

async fn spool(site: &Site, arguments: &[&str]) -> Ended {
    let path = site.write();
    let config = ["-c", path.to_str().unwrap()];
    run(&[&["spool"], arguments, &config].concat(), &[]).await
}

/// The outcomes that are in the spool.
async fn exported(site: &Site) -> Vec<Value> {
    let ended = spool(site, &["export"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.json()
}

async fn wait_for_outcomes(site: &Site, daemon: &Daemon, count: usize) -> Vec<Value> {
    daemon.wait_for("outcomes", || daemon.outcomes().len() >= count).await;
    loop {
        let found = exported(site).await;
        if found.len() >= count {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_of_an_outage_and_a_kill_are_delivered_once_by_the_next_process() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let mut site = Site::of(&lab);
    for number in 0..5 {
        site.add_line(&format!("L{number}"), "good");
    }
    site.config["spool"] = json!({ "directory": "spool" });
    site.config["zabbix"] = json!({ "sender": { "address": "127.0.0.1:1" } });
    // Nothing listens there.
    let mut daemon = site.start().await;
    let kept = wait_for_outcomes(&site, &daemon, 6).await;
    let second = site.run("run", &[]).await;
    assert_eq!(second.code, Some(1));
    let expected = format!("another monitord (process {}) uses the spool", daemon.pid());
    assert!(second.stderr.contains(&expected), "{}", second.stderr);
    daemon.kill().await;

    let stat = spool(&site, &["stat", "-o", "json"]).await;
    let stat: Value = serde_json::from_str(&stat.stdout).unwrap();
    assert!(stat["sinks"][0]["pending"].as_u64() >= Some(kept.len() as u64), "{stat}");
    assert_eq!(spool(&site, &["repair"]).await.stdout, "the spool is whole\n");

    let trapper = Trapper::start().await;
    site.config["zabbix"] = json!({ "sender": { "address": trapper.address.to_string() } });
    let mut daemon = site.start().await;
    daemon.wait_for("delivery", || trapper.values().len() >= kept.len()).await;
    daemon.terminate();
    daemon.ended().await;
    let values = trapper.values();
    let moments: BTreeSet<_> = values
        .iter()
        .map(|v| (v["host"].to_string(), v["clock"].as_i64(), v["ns"].as_i64()))
        .collect();
    assert_eq!(moments.len(), values.len(), "each once: {values:#?}");
    for outcome in &kept {
        let count = values.iter().filter(|value| value["host"] == outcome["line"]).count();
        let mine = kept.iter().filter(|other| other["line"] == outcome["line"]).count();
        assert!(count >= mine, "{outcome} is among {values:#?}");
    }
    assert!(exported(&site).await.is_empty(), "what is delivered is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_every_outcome_as_a_line() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["spool"] = json!({ "directory": "spool" });
    site.config["file"] = json!({ "path": "outcomes.jsonl" });
    let mut daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    daemon.terminate();
    daemon.ended().await;
    let file = site.write().with_file_name("outcomes.jsonl");
    let lines = std::fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, daemon.outcomes());
}
