//! The whole configuration is changed while the daemon runs.

mod pages;
mod zabbix;

use std::path::{Path, PathBuf};

use lab::{DEFAULT_PASSWORD, Fault, Lab, RouterSpec};
use serde_json::{Value, json};

use crate::pages::get;
use crate::support::{Daemon, Ended, Site, run};
use crate::trapper::Trapper;

/// A site with pages and a control socket.
fn site(lab: &Lab) -> Site {
    let mut site = Site::of(lab);
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["control"] = json!({ "socket": "control.sock" });
    site
}

fn socket(site: &Site) -> PathBuf {
    site.path().with_file_name("control.sock")
}

async fn ask(site: &Site, more: &[&str]) -> Ended {
    let socket = socket(site);
    let (verb, rest) = more.split_first().unwrap();
    run(&[&[*verb, "--socket", socket.to_str().unwrap()], rest].concat(), &[]).await
}

/// Reloads, and what is said of it.
async fn reload(site: &Site) -> Ended {
    site.write();
    ask(site, &["reload"]).await
}

async fn status(daemon: &Daemon) -> Value {
    serde_json::from_str(&get(daemon.http(), "/status").await.1).unwrap()
}

async fn metric(daemon: &Daemon, name: &str) -> f64 {
    let (_, text) = get(daemon.http(), "/metrics").await;
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn measured(daemon: &Daemon, line: &str) -> usize {
    let outcomes = daemon.outcomes();
    outcomes.iter().filter(|o| o["line"] == line && o["status"] == "measured").count()
}

async fn wait_for_more(daemon: &Daemon, line: &str) {
    let before = measured(daemon, line);
    daemon.wait_for(&format!("{line} again"), || measured(daemon, line) > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_takes_effect_and_leaves_alone_what_it_does_not_change() {
    let specs = ["a", "b"].map(|name| RouterSpec::new(name, "cisco_iosxe"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let mut site = site(&lab);
    let daemon = site.start().await;
    wait_for_more(&daemon, "a").await;
    wait_for_more(&daemon, "b").await;
    let before = status(&daemon).await;
    let logins = lab.router("a").logins_total();

    let same = reload(&site).await;
    assert_eq!(same.code, Some(0), "{}", same.everything());
    assert_eq!(same.stdout, "the configuration is what runs already\n");

    site.config["log"] = json!({ "level": "debug" });
    site.config["pool"] = json!({ "idle_max": "90s" });
    site.config["fleet"] = json!({ "sessions_max": 50, "logins_per_second": 5 });
    site.config["shutdown_grace"] = json!("3s");
    site.config["routers"][1]["read_timeout"] = json!("20s");
    // No session of the other one depends on these.
    let a = &mut site.config["routers"][0];
    (a["max_connections"], a["connect_timeout"]) = (json!(5), json!("2s"));
    (a["retry_max_attempts"], a["checks"]) = (json!(3), json!({ "per_minute_max": 600 }));
    site.config["defaults"]["ping"]["count"] = json!(3);
    let changed = reload(&site).await;
    assert_eq!(changed.code, Some(0), "{}", changed.everything());
    let expected = "changed: log\nchanged: fleet\nchanged: pool\nchanged: shutdown_grace\n\
                    changed: lines +0 -0 ~2, routers +0 -0 ~2\n";
    assert_eq!(changed.stdout, expected);
    wait_for_more(&daemon, "a").await;
    wait_for_more(&daemon, "b").await;
    assert_eq!(lab.router("a").logins_total(), logins, "its session goes on");
    assert!(daemon.logged("check measured").is_some(), "the log has become talkative");
    let after = status(&daemon).await;
    assert_ne!(before["configuration"]["hash"], after["configuration"]["hash"]);
    assert_eq!(after["fleet"]["sessions_max"], 50);
    assert_eq!(metric(&daemon, "monitord_config_last_reload_successful").await, 1.0);
    let applied = "monitord_config_reloads_total{result=\"applied\"}";
    assert_eq!(metric(&daemon, applied).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_changes_nothing_and_is_told_wherever_operators_look() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let mut site = site(&lab);
    let daemon = site.start().await;
    let before = status(&daemon).await;
    let good = site.config.clone();

    site.config["pool"] = json!({ "idle_max": "90s" });
    site.config["connection"]["read_timeout"] = json!("never");
    let bad = reload(&site).await;
    assert_eq!(bad.code, Some(78), "{}", bad.everything());
    for part in ["not taken over", "monitord.json", "connection.read_timeout", "\"never\""] {
        assert!(bad.stderr.contains(part), "{part}: {}", bad.stderr);
    }
    let told = daemon.logged("the configuration is not followed").unwrap();
    assert!(told["problem"].as_str().unwrap().contains("read_timeout"), "{told}");
    assert_eq!(metric(&daemon, "monitord_config_last_reload_successful").await, 0.0);
    let (code, ready) = get(daemon.http(), "/readyz").await;
    assert_eq!(code, 200, "it works as before");
    assert!(ready.starts_with("ready\n") && ready.contains("read_timeout"), "{ready}");
    let after = status(&daemon).await;
    assert_eq!(before["configuration"]["hash"], after["configuration"]["hash"]);
    assert!(after["configuration"]["problem"].as_str().unwrap().contains("read_timeout"));
    wait_for_more(&daemon, "a").await;

    site.config = good;
    site.write();
    daemon.signal("HUP");
    daemon
        .wait_for("recovery", || daemon.logged("the configuration is good again").is_some())
        .await;
    assert_eq!(get(daemon.http(), "/readyz").await.1, "ready\n");
    assert_eq!(metric(&daemon, "monitord_config_last_reload_successful").await, 1.0);
    assert_eq!(metric(&daemon, "monitord_panics_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_start_can_take_over_is_named_and_takes_the_rest_with_it() {
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let mut site = site(&lab);
    site.config["file"] = json!({ "path": "outcomes.jsonl" });
    site.config["spool"] = json!({ "directory": "spool" });
    let daemon = site.start().await;
    site.config["spool"]["directory"] = json!("elsewhere");
    site.config["connection"]["blocking_threads_max"] = json!(7);
    site.config["lines"][0]["interval"] = json!("24h");
    let refused = reload(&site).await;
    assert_eq!(refused.code, Some(78), "{}", refused.everything());
    let expected = "needs a restart: keys connection.blocking_threads_max, spool.directory have";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    wait_for_more(&daemon, "a").await;
    wait_for_more(&daemon, "a").await;
    // What can be changed of the spool is.
    site.config["spool"] = json!({ "directory": "spool", "max_age": "1h" });
    site.config["connection"].as_object_mut().unwrap().remove("blocking_threads_max");
    let changed = reload(&site).await;
    assert!(changed.stdout.starts_with("changed: spool\n"), "{}", changed.everything());
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_come_go_and_move_and_no_outcome_is_lost() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let (first, second) = (Trapper::start().await, Trapper::start().await);
    let mut site = site(&lab);
    let daemon = site.start().await;
    wait_for_more(&daemon, "a").await;
    let path = site.path().with_file_name("outcomes.jsonl");
    let sender =
        |trapper: &Trapper| json!({ "sender": { "address": trapper.address.to_string() } });

    site.config["zabbix"] = sender(&first);
    site.config["file"] = json!({ "path": "outcomes.jsonl" });
    let came = reload(&site).await;
    assert_eq!(came.stdout, "changed: zabbix.sender\nchanged: file\n", "{}", came.everything());
    let before = daemon.outcomes().len();
    daemon.wait_for("a value", || !first.values().is_empty()).await;

    site.config["zabbix"] = sender(&second);
    site.config["file"]["path"] = json!("others.jsonl");
    assert_eq!(reload(&site).await.code, Some(0));
    daemon.wait_for("a value there", || !second.values().is_empty()).await;
    site.config.as_object_mut().unwrap().remove("zabbix");
    assert_eq!(reload(&site).await.stdout, "changed: zabbix.sender\n");
    wait_for_more(&daemon, "a").await;
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    let others = path.with_file_name("others.jsonl");
    let all = || lines(&path) + lines(&others) == daemon.outcomes().len() - before;
    daemon.wait_for("every outcome in one of the files", all).await;
    assert!(lines(&path) > 0 && lines(&others) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_control_socket_move() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let mut site = site(&lab);
    let daemon = site.start().await;
    let old = daemon.http();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    site.config["http"] = json!({ "listen": taken.local_addr().unwrap().to_string() });
    site.config["control"] = json!({ "socket": "other.sock" });
    let refused = reload(&site).await;
    assert_eq!(refused.code, Some(78), "{}", refused.everything());
    assert!(refused.stderr.contains("http.listen: cannot listen on 127.0.0.1:"));
    assert_eq!(get(old, "/healthz").await.0, 200);
    assert!(!socket(&site).with_file_name("other.sock").exists());

    site.config["http"] = json!({ "listen": "127.0.0.1:0", });
    assert_eq!(reload(&site).await.stdout, "changed: control\n");
    assert!(!socket(&site).exists());
    assert_eq!(site.config["control"]["socket"], "other.sock");
    let free = taken.local_addr().unwrap();
    drop(taken);
    site.config["http"] = json!({ "listen": free.to_string() });
    site.write();
    daemon.signal("HUP");
    daemon.wait_for("the move", || daemon.logged("pages are served elsewhere").is_some()).await;
    assert_eq!(get(free, "/healthz").await.0, 200);
    assert!(std::net::TcpStream::connect(old).is_err(), "nobody listens there any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_used_for_the_next_session_and_files_are_watched() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let mut site = site(&lab);
    let secret = site.path().with_file_name("password");
    std::fs::write(&secret, "wrong").unwrap();
    site.config["routers"][0]["password"] = json!("file:password");
    site.config["reload"] = json!({ "watch": "1s" });
    let daemon = site.start().await;
    let refused = |outcome: &Value| outcome["error"]["kind"] == "Authentication";
    daemon.wait_for("a refusal", || daemon.outcomes().iter().any(refused)).await;
    // As configuration management does it: another file, and a link that is exchanged.
    let fresh = secret.with_file_name("fresh");
    std::fs::write(&fresh, DEFAULT_PASSWORD).unwrap();
    std::os::unix::fs::symlink(&fresh, secret.with_file_name("link")).unwrap();
    std::fs::rename(secret.with_file_name("link"), &secret).unwrap();
    daemon.wait_for("a figure", || measured(&daemon, "a") > 0).await;
    // A file that is wrong is followed until it is right.
    let path = site.path();
    std::fs::write(&path, "{ not json").unwrap();
    let told = || daemon.logged("the configuration is not followed").is_some();
    daemon.wait_for("the complaint", told).await;
    site.write();
    let good = || daemon.logged("the configuration is good again").is_some();
    daemon.wait_for("the recovery", good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_of_platforms_take_effect() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let mut site = site(&lab);
    let platforms = site.path().with_file_name("platforms");
    std::fs::create_dir(&platforms).unwrap();
    site.config["platforms"] = json!({ "directory": "platforms" });
    let daemon = site.start().await;
    wait_for_more(&daemon, "a").await;
    std::fs::write(platforms.join("mine.toml"), "inherits = 'linux'\n").unwrap();
    site.config["routers"][0]["platform"] = json!("mine");
    let changed = reload(&site).await;
    let expected = "changed: platforms\nchanged: lines +0 -0 ~0, routers +0 -0 ~1\n";
    assert_eq!(changed.stdout, expected, "{}", changed.everything());
    let by_mine = |o: &Value| o["platform"] == "mine" && o["status"] == "measured";
    daemon.wait_for("a figure by it", || daemon.outcomes().iter().any(by_mine)).await;
    std::fs::write(platforms.join("mine.toml"), "inherits = 'nothing'\n").unwrap();
    let refused = reload(&site).await;
    assert_eq!(refused.code, Some(78), "{}", refused.everything());
    assert!(refused.stderr.contains("mine.toml"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_router_is_logged_in_detail_for_a_time() {
    let specs = ["a", "b"].map(|name| RouterSpec::new(name, "linux"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let site = site(&lab);
    let daemon = site.start().await;
    let shown = ask(&site, &["log-level"]).await;
    assert_eq!(shown.stdout, "info  as configured\n", "{}", shown.everything());
    let set = ask(&site, &["log-level", "--router", "a", "debug", "--for", "1h"]).await;
    assert_eq!(set.code, Some(0), "{}", set.everything());
    assert!(set.stdout.contains("debug  router a, for "), "{}", set.stdout);
    let of = |router: &str| {
        let about = |m: &&Value| m["message"] == "check measured" && m["router"] == router;
        daemon.log().iter().filter(about).count()
    };
    daemon.wait_for("details of a", || of("a") > 0).await;
    wait_for_more(&daemon, "b").await;
    assert_eq!(of("b"), 0, "nobody asked for b");
    let reset = ask(&site, &["log-level", "--reset", "-o", "json"]).await;
    assert_eq!(reset.stdout, "{\"configured\":\"info\",\"exceptions\":[]}\n");
    assert_eq!(ask(&site, &["log-level", "--router", "a"]).await.code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_have_gone_leave_their_places() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux").fault(Fault::StallInKex)]);
    let lab = lab.await.unwrap();
    let mut site = site(&lab);
    site.config["connection"]["connect_timeout"] = json!("50s");
    site.config["defaults"]["interval"] = json!("24h");
    let daemon = site.start().await;
    let path = socket(&site);
    for _ in 0..40 {
        let mut client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let request = "{\"check_now\":{\"lines\":[\"a\"],\"router\":null,\"timeout_s\":600}}\n";
        std::io::Write::write_all(&mut client, request.as_bytes()).unwrap();
    }
    let ended = ask(&site, &["log-level"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_is_lost_by_reloads_and_no_router_is_logged_in_to_for_nothing() {
    let names: Vec<_> = (0..12).map(|number| format!("r{number}")).collect();
    let specs = names.iter().map(|name| RouterSpec::new(name, "linux")).collect();
    let lab = Lab::start(specs).await.unwrap();
    let mut site = site(&lab);
    let daemon = site.start().await;
    let due = |line: &str| -> Vec<jiff::Timestamp> {
        let outcomes = daemon.outcomes();
        let own = outcomes.iter().filter(|o| o["line"] == line && o["trigger"] == "schedule");
        own.map(|o| o["scheduled_at"].as_str().unwrap().parse().unwrap()).collect()
    };
    let all_have = |count| names.iter().all(|name| due(name).len() >= count);
    daemon.wait_for("one of each", || all_have(1)).await;
    for round in 0..2 {
        for number in 0..6 {
            // Half of the routers change, each twice.
            site.config["routers"][number]["read_timeout"] = json!(format!("{}s", 20 + round));
            site.config["pool"] = json!({ "leak_after": format!("{}m", 11 + number) });
            let changed = reload(&site).await;
            let expected = "changed: pool\nchanged: lines +0 -0 ~0, routers +0 -0 ~1\n";
            assert_eq!(changed.stdout, expected, "{}", changed.everything());
        }
        daemon.wait_for("one more of each", || all_have(2 + round)).await;
    }
    daemon.wait_for("one more of each", || all_have(4)).await;
    for (number, name) in names.iter().enumerate() {
        let times = due(name);
        let apart = times.windows(2).map(|two| two[1].duration_since(two[0]).as_millis());
        assert!(apart.clone().all(|gap| gap == 10_000), "{name}: {:?}", apart.collect::<Vec<_>>());
        let logins = lab.router(name).logins_total();
        // Of two sessions at the most, each made anew for each change.
        let most = if number < 6 { 2 * 3 } else { 2 };
        assert!(logins <= most, "{name}: {logins}");
    }
}
