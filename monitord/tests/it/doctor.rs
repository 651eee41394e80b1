//! `monitord doctor`: what is wrong with a daemon that runs, and with one that does not.

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::{Value, json};

use crate::snapshot::assert_same;
use crate::support::{Daemon, Ended, Site};

async fn site_of(specs: Vec<RouterSpec>) -> (Lab, Site) {
    let lab = Lab::start(specs).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["control"] = json!({ "socket": "control.sock" });
    (lab, site)
}

/// Waits until every line has been checked often enough for its state to be sure.
async fn settled(site: &Site, daemon: &Daemon) {
    let lines = site.config["lines"].as_array().unwrap().clone();
    let of = |id: &Value| daemon.outcomes().iter().filter(|o| o["line"] == *id).count();
    let seen = || lines.iter().all(|line| of(&line["id"]) >= 2);
    daemon.wait_for("two outcomes of each line", seen).await;
}

async fn doctor(site: &Site, more: &[&str]) -> Ended {
    site.run("doctor", more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_a_daemon_that_is_well() {
    let (_lab, site) = site_of(vec![RouterSpec::new("good", "linux")]).await;
    let daemon = site.start().await;
    settled(&site, &daemon).await;
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert!(ended.stdout.starts_with("nothing is wrong; monitord "), "{}", ended.stdout);
    let json = doctor(&site, &["-o", "json"]).await.json();
    assert_eq!(
        (&json[0]["findings"], &json[0]["daemon"]["pid"]),
        (&json!([]), &daemon.pid().into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_the_worst_first_and_without_secrets() {
    let (_lab, mut site) = site_of(vec![
        RouterSpec::new("good", "linux"),
        RouterSpec::new("dead", "cisco_iosxe").ping(Ping::lossy(100)),
        RouterSpec::new("bad", "linux").fault(Fault::AuthRefused),
    ])
    .await;
    site.add_line("bad-2", "bad");
    let daemon = site.start().await;
    settled(&site, &daemon).await;
    // A configuration that no start would take, behind the back of the daemon.
    let path = site.write();
    site.config["conection"] = "red".into();
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    assert!(!ended.everything().contains(lab::DEFAULT_PASSWORD));
    let masked = without_moments(&ended.stdout);
    assert_same("doctor", &masked);
    drop((daemon, path));
}

/// Masks what a pause before the next try makes of the moment.
fn without_moments(text: &str) -> String {
    let mask = |line: &str| match line.split_once(": failing for ") {
        Some((before, rest)) => {
            let cause = rest.split_once(" s: ").map_or(rest, |(_, cause)| cause);
            format!("{before}: failing for ...: {cause}")
        }
        None => match line.split_once(", pid ") {
            Some((before, rest)) => {
                format!("{before}, pid ...{}", rest.split_once(": ").map_or("", |(_, rest)| rest))
            }
            None => line.to_owned(),
        },
    };
    text.lines().map(mask).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_what_can_be_looked_at_is_looked_at() {
    let (_lab, mut site) = site_of(vec![RouterSpec::new("good", "linux")]).await;
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    assert_same("doctor_without_daemon", &ended.stdout);
    site.config["lines"][0]["interval"] = 0.into();
    let ended = doctor(&site, &[]).await;
    assert!(ended.stdout.contains("lines[0].interval is 0: allowed is"), "{}", ended.stdout);
}
