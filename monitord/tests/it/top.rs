//! `monitord top`, where nobody watches.

use lab::{Lab, Ping, RouterSpec};
use serde_json::json;

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_the_daemon_once_as_plain_text_when_it_is_piped() {
    let lossy = RouterSpec::new("lossy", "linux").ping(Ping::lossy(50));
    let lab = Lab::start(vec![RouterSpec::new("good", "linux"), lossy]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["control"] = json!({ "socket": "control.sock" });
    let absent = site.run("top", &[]).await;
    assert_eq!(absent.code, Some(1), "{}", absent.everything());
    assert!(absent.stderr.contains("cannot reach the daemon"), "{}", absent.stderr);
    let daemon = site.start().await;
    daemon.wait_for("an outcome of each line", || daemon.outcomes().len() >= 2).await;
    let ended = site.run("top", &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert!(!ended.stdout.contains(['\u{1b}', '\r']), "{}", ended.stdout);
    let rows: Vec<_> = ended.stdout.lines().collect();
    assert!(rows[1].starts_with("lines        2  up "), "{}", ended.stdout);
    let first = rows.iter().position(|row| row.starts_with("STATE ")).unwrap() + 1;
    assert!(rows[first].starts_with("degraded  lossy "), "the worst first: {}", ended.stdout);
    let filtered = site.run("top", &["--once", "--filter", "good"]).await;
    assert!(!filtered.stdout.contains("lossy"), "{}", filtered.stdout);
}
