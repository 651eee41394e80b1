//! How sessions are kept, as the configuration says.

use lab::{Lab, RouterSpec};
use serde_json::json;

use crate::pages::get;
use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_closed_when_the_configured_idle_time_is_over() {
    let lab = Lab::start(vec![RouterSpec::new("good", "cisco_iosxe")]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["connection"]["min_connections"] = 0.into();
    site.config["pool"] = json!({ "idle_max": "300ms", "rebuild": { "strategy": "never" } });
    let daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    // Long before the next check, and before the five minutes after which this is the default.
    let router = &lab.routers()[0];
    daemon.wait_for("the end of the session", || router.connections_open() == 0).await;
    let (_, metrics) = get(daemon.http(), "/metrics").await;
    let expired = "\nmonitord_sessions_discarded_total{reason=\"expired\"} 1\n";
    assert!(metrics.contains(expired), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_option_of_the_pool_ends_with_78_and_says_what_is_allowed() {
    let lab = Lab::start(vec![RouterSpec::new("good", "cisco_iosxe")]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["pool"] = json!({ "idle_maxx": "5m", "rebuild": { "max_error_rate": 20 } });
    let ended = site.run("validate", &["--offline"]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    for problem in [
        "pool.idle_maxx is not a known key: did you mean `idle_max`?",
        "pool.rebuild.max_error_rate is 20: allowed is a number from 0 to 1, such as 0.2",
    ] {
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}
