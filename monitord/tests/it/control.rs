//! The running daemon is asked at its socket.

use std::os::unix::fs::PermissionsExt;

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::json;

use crate::support::{Ended, Site, run};

/// Asks with the arguments given.
async fn check_now(site: &Site, more: &[&str]) -> Ended {
    let path = site.write();
    run(&[&["check-now", "-c", path.to_str().unwrap()], more].concat(), &[]).await
}

/// A router that answers, one that does not, and lines that are not due for a day.
async fn lab_and_site() -> (Lab, Site) {
    let lab = Lab::start(vec![
        RouterSpec::new("good", "cisco_iosxe").ping(Ping::lossy(50)),
        RouterSpec::new("bad", "linux").fault(Fault::AuthRefused),
    ])
    .await
    .unwrap();
    let mut site = Site::of(&lab);
    site.config["defaults"]["interval"] = "24h".into();
    site.config["control"] = json!({ "socket": "control.sock" });
    (lab, site)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_checked_at_once_for_whoever_may_ask() {
    let (_lab, site) = lab_and_site().await;
    let mut daemon = site.start().await;
    let socket = site.write().with_file_name("control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let ended = check_now(&site, &["good", "-o", "json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    let outcomes = ended.json();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0]["trigger"], "check_now");
    assert_eq!((&outcomes[0]["line"], &outcomes[0]["loss_pct"]), (&json!("good"), &json!(50.0)));
    let told = || daemon.outcomes().iter().any(|outcome| outcome["trigger"] == "check_now");
    daemon.wait_for("the same outcome everywhere", told).await;

    let ended = check_now(&site, &["--router", "bad"]).await;
    assert_eq!(ended.code, Some(1), "no figures: {}", ended.everything());
    assert!(ended.stdout.contains("Authentication"), "{}", ended.stdout);

    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said_and_nothing_is_left_behind() {
    let (_lab, site) = lab_and_site().await;
    let ended = check_now(&site, &["good"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("control.sock: cannot reach the daemon"), "{}", ended.stderr);

    let mut daemon = site.start().await;
    let unknown = check_now(&site, &["L9"]).await;
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("there is no line L9"), "{}", unknown.stderr);
    assert_eq!(check_now(&site, &[]).await.code, Some(2), "neither line nor router");
    assert_eq!(check_now(&site, &["good", "--router", "good"]).await.code, Some(2), "both");

    daemon.kill().await;
    let again = site.start().await;
    assert_eq!(check_now(&site, &["good"]).await.code, Some(0), "the socket was replaced");
    drop(again);
}
