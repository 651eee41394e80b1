//! Prometheus' own tool reads the metrics.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::linux;
use crate::sshd::{Sshd, SshdOptions};
use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_nothing_to_say_about_the_metrics() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut site = Site::empty();
    site.config["routers"] = json!([linux(&sshd, json!({}))]);
    site.config["lines"] = json!([
        { "id": "good", "router": "peer", "target": "127.0.0.1" },
        { "id": "bad", "router": "peer", "target": "no-such-name.invalid" },
        { "id": "loopback", "router": "peer", "target": "127.0.0.1", "interface": "lo" },
    ]);
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["fleet"] = json!({ "sessions_max": 7, "logins_per_second": 9 });
    site.config["spool"] = json!({ "directory": "spool" });
    site.config["file"] = json!({ "path": "outcomes.jsonl" });
    // Nothing listens there, so that something waits, too.
    site.config["zabbix"] = json!({ "sender": { "address": "127.0.0.1:1" } });
    let mut daemon = site.start().await;
    daemon
        .wait_for("an outcome of each line", || {
            let outcomes = daemon.outcomes();
            ["good", "bad", "loopback"]
                .iter()
                .all(|line| outcomes.iter().any(|o| o["line"] == *line))
        })
        .await;
    let url = format!("http://{}/metrics", daemon.http());
    let metrics = tokio::task::block_in_place(|| {
        ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()
    });
    daemon.terminate();
    daemon.ended().await;

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(said.status.success() && text.is_empty(), "{text}\n{metrics}");
    for name in [
        r#"monitord_spool_pending_outcomes{sink="zabbix"}"#,
        r#"monitord_line_interface_state{line="loopback",router="peer",state="up"} 1"#,
    ] {
        assert!(metrics.contains(name), "{metrics}");
    }
}
