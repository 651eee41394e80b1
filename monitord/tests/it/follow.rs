//! The inventory file is edited while the daemon runs.

use std::path::PathBuf;

use lab::{DEFAULT_PASSWORD, Lab, LabRouter, RouterSpec};
use serde_json::{Value, json};

use crate::pages::get;
use crate::support::{Daemon, Site};

/// A daemon that follows a file of routers and lines.
struct Followed {
    site: Site,
    file: PathBuf,
    inventory: Value,
}

impl Followed {
    /// All routers of `lab` in the file, without a line.
    fn new(lab: &Lab, refresh: Option<&str>) -> Self {
        let mut site = Site::empty();
        for router in lab.routers() {
            site.add_router(router, DEFAULT_PASSWORD);
        }
        let routers = std::mem::replace(&mut site.config["routers"], json!([]));
        let file = site.write().with_file_name("lines.json");
        site.config["inventory"] = match refresh {
            Some(refresh) => json!({ "file": file, "refresh": refresh }),
            None => json!({ "file": file }),
        };
        site.config["http"] = json!({ "listen": "127.0.0.1:0" });
        Self { site, file, inventory: json!({ "routers": routers, "lines": [] }) }
    }

    fn add_line(&mut self, id: &str, router: &str, target: &str) {
        let line = json!({ "id": id, "router": router, "target": target, "interval": "10s" });
        self.inventory["lines"].as_array_mut().unwrap().push(line);
    }

    fn line(&mut self, id: &str) -> &mut Value {
        let lines = self.inventory["lines"].as_array_mut().unwrap();
        lines.iter_mut().find(|line| line["id"] == id).unwrap()
    }

    /// Writes the file in one go, as editors and deployments do.
    fn write(&self) {
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, self.inventory.to_string()).unwrap();
        std::fs::rename(fresh, &self.file).unwrap();
    }

    async fn start(&self) -> Daemon {
        self.write();
        self.site.start().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_last_good_of_the_file_is_checked_after_a_start_without_it() {
    let lab = Lab::start(vec![RouterSpec::new("edge-1", "cisco_iosxe")]).await.unwrap();
    let mut followed = Followed::new(&lab, Some("1s"));
    followed.add_line("L1", "edge-1", "198.51.100.1");
    let mut daemon = followed.start().await;
    daemon.wait_for("L1", || since(&daemon, 0, "L1").iter().any(measured)).await;
    daemon.terminate();
    daemon.ended().await;
    std::fs::write(&followed.file, "lines: [").unwrap();
    let mut daemon = followed.site.start().await;
    daemon.wait_for("L1", || since(&daemon, 0, "L1").iter().any(measured)).await;
    daemon.wait_for("the alarm", || not_followed(&daemon)).await;
    let source = source(&daemon).await;
    assert!(source["trouble"].is_string(), "{source}");
    assert!(source["as_of"].as_str() < source["since"].as_str(), "{source}");
    // It is followed again as soon as it can be read.
    followed.add_line("L2", "edge-1", "198.51.100.2");
    followed.write();
    daemon.wait_for("L2", || since(&daemon, 0, "L2").iter().any(measured)).await;
    daemon.terminate();
    daemon.ended().await;
    // What is kept of another file is not taken for this one's.
    followed.site.config["inventory"]["file"] = "elsewhere.json".into();
    let ended = followed.site.run("run", &[]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.everything());
}

fn not_followed(daemon: &Daemon) -> bool {
    daemon.logged("the configuration is not followed: what was last good goes on").is_some()
}

/// What `/status` says of the configuration as a source.
async fn source(daemon: &Daemon) -> Value {
    let (_, status) = get(daemon.http(), "/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    status["inventory"][0].clone()
}

/// The outcomes of a line after those that were there.
fn since(daemon: &Daemon, before: usize, line: &str) -> Vec<Value> {
    let outcomes = daemon.outcomes().into_iter().skip(before);
    outcomes.filter(|outcome| outcome["line"] == line).collect()
}

async fn wait_for_outcome(daemon: &Daemon, line: &str, holds: impl Fn(&Value) -> bool) {
    let before = daemon.outcomes().len();
    let what = format!("an outcome of {line}");
    daemon.wait_for(&what, || since(daemon, before, line).iter().any(&holds)).await;
}

async fn wait_for_changes(daemon: &Daemon, changes: &str) {
    let said = |line: &Value| line["changes"].as_str() == Some(changes);
    daemon.wait_for(changes, || daemon.log().iter().any(said)).await;
}

fn measured(outcome: &Value) -> bool {
    outcome["status"] == "measured"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_inventory_takes_effect_without_a_restart() {
    let specs = ["a", "b"].map(|name| RouterSpec::new(name, "cisco_iosxe"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let mut followed = Followed::new(&lab, Some("1s"));
    for (id, router) in [("stays", "b"), ("target", "a"), ("moves", "a"), ("goes", "a")] {
        followed.add_line(id, router, "198.51.100.1");
    }
    followed.add_line("slower", "a", "198.51.100.1");
    let daemon = followed.start().await;
    daemon.wait_for("all lines", || daemon.outcomes().len() >= 5).await;
    let logins_to_b = lab.router("b").logins_total();

    followed.line("target")["target"] = json!("198.51.100.77");
    followed.line("moves")["router"] = json!("b");
    followed.line("slower")["interval"] = json!("24h");
    followed.inventory["lines"].as_array_mut().unwrap().retain(|line| line["id"] != "goes");
    followed.add_line("comes", "b", "198.51.100.1");
    followed.write();
    wait_for_changes(&daemon, "lines +1 -1 ~3, routers +0 -0 ~0").await;
    let before = daemon.outcomes().len();
    wait_for_outcome(&daemon, "target", |o| measured(o) && o["target"] == "198.51.100.77").await;
    wait_for_outcome(&daemon, "moves", |o| measured(o) && o["router"] == "b").await;
    wait_for_outcome(&daemon, "comes", measured).await;
    wait_for_outcome(&daemon, "stays", measured).await;
    let late = |line: &str| since(&daemon, before, line);
    assert!(late("goes").iter().all(|outcome| outcome["error"]["kind"] == "withdrawn"));
    assert!(late("slower").len() <= 1, "once in a day: {:?}", late("slower"));
    // What nobody changed went on as it was: its session too.
    assert!(lab.router("b").logins_total() <= logins_to_b + 1, "one more at most, for more lines");
    let (_, status) = get(daemon.http(), "/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    let lines = status["lines"].as_array().unwrap();
    let mut lines: Vec<_> = lines.iter().map(|line| line["line"].as_str().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["comes", "moves", "slower", "stays", "target"]);
    assert_eq!(status["inventory"][0]["trouble"], Value::Null, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_credentials_and_addresses_are_used_at_once() {
    let specs = ["old", "new"].map(|name| RouterSpec::new(name, "linux"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let mut followed = Followed::new(&lab, Some("1s"));
    followed.add_line("line", "old", "198.51.100.1");
    followed.inventory["routers"][0]["password"] = json!("wrong");
    let daemon = followed.start().await;
    let refused = |outcome: &Value| outcome["error"]["kind"] == "Authentication";
    wait_for_outcome(&daemon, "line", refused).await;

    followed.inventory["routers"][0]["password"] = json!(DEFAULT_PASSWORD);
    followed.write();
    wait_for_changes(&daemon, "lines +0 -0 ~0, routers +0 -0 ~1").await;
    wait_for_outcome(&daemon, "line", measured).await;

    // The same router, at another address.
    let port = |router: &LabRouter| json!(router.address().port());
    followed.inventory["routers"][0]["port"] = port(lab.router("new"));
    followed.inventory["routers"][1]["port"] = port(lab.router("old"));
    followed.write();
    daemon.wait_for("a login there", || lab.router("new").logins_total() > 0).await;
    wait_for_outcome(&daemon, "line", measured).await;
    let gone = || lab.router("old").sessions_open() == 0;
    daemon.wait_for("the end of the session with the old address", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_or_emptied_file_changes_nothing_and_is_said_until_it_is_good_again() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let mut followed = Followed::new(&lab, None);
    for number in 0..9 {
        followed.add_line(&format!("L{number}"), "a", "198.51.100.1");
    }
    let daemon = followed.start().await;
    let http = daemon.http();
    let trouble = || async move {
        let status: Value = serde_json::from_str(&get(http, "/status").await.1).unwrap();
        status["inventory"][0]["trouble"].clone()
    };
    std::fs::write(&followed.file, "{ not json").unwrap();
    daemon.signal("HUP");
    daemon
        .wait_for("the alarm", || daemon.logged("the configuration is not followed").is_some())
        .await;
    assert!(trouble().await.as_str().unwrap().contains("lines.json: cannot be parsed"));
    wait_for_outcome(&daemon, "L0", measured).await;

    followed.write();
    daemon.signal("HUP");
    daemon.wait_for("the recovery", || daemon.logged("the inventory is back").is_some()).await;
    assert_eq!(trouble().await, Value::Null);

    // Seven of nine lines are more than may go unseen.
    followed.inventory["lines"].as_array_mut().unwrap().truncate(2);
    followed.write();
    daemon.signal("HUP");
    let alarm = "the inventory is not followed: send SIGHUP";
    daemon.wait_for("the alarm", || daemon.logged(alarm).is_some()).await;
    wait_for_outcome(&daemon, "L8", measured).await;
    daemon.signal("HUP");
    wait_for_changes(&daemon, "lines +0 -7 ~0, routers +0 -0 ~0").await;
    assert_eq!(trouble().await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_one_routers_sessions_is_switched_on_and_off_while_the_daemon_runs() {
    let lab = Lab::start(vec![RouterSpec::new("edge-1", "cisco_iosxe")]).await.unwrap();
    let mut followed = Followed::new(&lab, Some("1s"));
    followed.add_line("L1", "edge-1", "198.51.100.1");
    let log = followed.file.with_file_name("edge-1.log");
    let mut daemon = followed.start().await;
    wait_for_outcome(&daemon, "L1", measured).await;
    assert!(!log.exists());

    followed.inventory["routers"][0]["session_log"] = log.to_str().unwrap().into();
    followed.write();
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    daemon.wait_for("a ping in the log", || text().contains("> \"ping 198.51.100.1")).await;
    assert!(text().contains("# cisco_iosxe at 127.0.0.1:"), "{}", text());
    assert!(!text().contains(DEFAULT_PASSWORD));

    followed.inventory["routers"][0]["session_log"] = false.into();
    followed.write();
    daemon.wait_for("the farewell", || text().contains("> \"exit\\n\"")).await;
    let logins = lab.router("edge-1").logins_total();
    assert!(logins >= 2, "each change is one of the router's sessions: {logins}");
    wait_for_outcome(&daemon, "L1", measured).await;
    daemon.terminate();
    daemon.ended().await;
}
