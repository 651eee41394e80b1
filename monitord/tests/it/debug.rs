//! `monitord debug`: everything about one line.

use lab::{Fault, Lab, RouterSpec};
use serde_json::json;

use crate::snapshot::assert_same;
use crate::support::Site;

/// What stands before the session and after it, which comes in pieces that differ.
fn around_the_session(page: &str) -> String {
    let (before, rest) = page.split_once("SESSION\n").expect("there was a session");
    let (_, after) = rest.split_once("\nREADING\n").expect("it was read");
    format!("{before}...\n{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_shown_with_its_parameters_what_the_daemon_knows_and_a_check() {
    let lab = Lab::start(vec![RouterSpec::new("edge", "cisco_iosxe")]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["lines"][0]["ping"] = json!({ "count": 3 });
    site.config["control"] = json!({ "socket": "control.sock" });
    let set = ["edge", "--set", "connection.read_timeout=9s"];
    let absent = site.run("debug", &set).await;
    assert_eq!(absent.code, Some(0), "{}", absent.everything());
    assert_same("debug_without_daemon", &around_the_session(&absent.stdout));

    let daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    let ended = site.run("debug", &["edge", "-o", "json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    let about = &ended.json()[0];
    let known = &about["daemon"];
    assert_eq!(known["line"]["recent"][0]["result"], "up", "{known}");
    assert!(known["line"]["next_due_at"].is_string(), "{known}");
    assert_eq!((&known["router"]["router"], &known["router"]["max"]), (&json!("edge"), &json!(2)));
    assert_eq!(about["check"]["measurement"]["sent"], 3, "{about}");
    assert!(!ended.everything().contains(lab::DEFAULT_PASSWORD));
    let shown = site.run("debug", &["edge", "--no-check"]).await;
    assert_eq!(shown.code, Some(0));
    assert!(shown.stdout.contains("\nlast check   up at "), "{}", shown.stdout);
    assert!(!shown.stdout.contains("CHECK\n"), "{}", shown.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_cannot_be_checked_or_is_not_there_is_told() {
    let lab = Lab::start(vec![RouterSpec::new("edge", "linux").fault(Fault::AuthRefused)]);
    let lab = lab.await.unwrap();
    let site = Site::of(&lab);
    let ended = site.run("debug", &["edge"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    assert!(ended.stdout.contains("\nhost key        ssh-ed25519 SHA256:"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nAuthentication: "), "{}", ended.stdout);
    let unknown = site.run("debug", &["edgy"]).await;
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown
            .stderr
            .contains("there is no line \"edgy\": see `monitord lines`; did you mean edge?"),
        "{}",
        unknown.stderr
    );
}
