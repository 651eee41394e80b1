//! Hosts are edited in Zabbix while the daemon runs.

use lab::{Lab, RouterSpec};
use serde_json::{Value, json};
use zabbix_lab::Version;

use crate::rig::{Rig, macros_of};
use crate::support::{Daemon, Site};
use crate::zabbix::wait_for;

/// Makes the daemon look at once, as its refresh would some seconds later.
fn look(daemon: &Daemon) {
    daemon.signal("HUP");
}

fn lines(daemon: &Daemon, since: usize, line: &str) -> Vec<Value> {
    let outcomes = daemon.outcomes().into_iter().skip(since);
    outcomes.filter(|outcome| outcome["line"] == line).collect()
}

/// Waits for an outcome of `line` from now on. It is asked for until there is one as it should be:
/// its rhythm would bring it too, but not before ten seconds are over.
async fn outcome(site: &Site, daemon: &Daemon, line: &str, holds: impl Fn(&Value) -> bool) {
    let since = daemon.outcomes().len();
    wait_for(&format!("an outcome of {line}"), async || {
        if !lines(daemon, since, line).iter().any(&holds) {
            site.run("check-now", &[line]).await;
        }
        lines(daemon, since, line).iter().any(&holds)
    })
    .await;
}

/// Waits until the log tells of these changes, once more than `before`.
async fn changes(daemon: &Daemon, told: &mut usize, needle: &str) {
    let count =
        || daemon.log().iter().filter(|line| line["message"] == "inventory changed").count();
    daemon.wait_for(needle, || count() > *told).await;
    *told = count();
    let log = daemon.log();
    let last = log.iter().rfind(|line| line["message"] == "inventory changed").unwrap();
    assert!(last["changes"].as_str().unwrap().contains(needle), "{needle}: {last}");
}

fn measured(outcome: &Value) -> bool {
    outcome["status"] == "measured"
}

fn refused(outcome: &Value) -> bool {
    outcome["error"]["kind"] == "Authentication"
}

/// LESSONS 16 and 17: whatever is edited takes effect, and nobody is without an outcome meanwhile.
async fn edits_take_effect(version: Version, name: &'static str) {
    let Some(mut rig) = Rig::new(version, name) else { return };
    let specs = ["a", "b"].map(|name| RouterSpec::new(name, "cisco_iosxe"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let (a, b) = (lab.router("a"), lab.router("b"));
    let every = |seconds: &'static str| [("CHECK_INTERVAL", seconds)];
    let stays = rig.add_host("stays", macros_of(b, &every("10")), json!({}));
    let edited = rig.add_host("edited", macros_of(a, &every("1h")), json!({}));
    let mut site = rig.site();
    site.config["control"] = json!({ "socket": "control.sock" });
    site.config["pool"] = json!({ "gate_permanent_first": "1s", "gate_permanent_max": "1s" });
    let daemon = site.start().await;
    let line = format!("{name}-edited");
    let stays_line = format!("{name}-stays");
    let mut told = 0;
    changes(&daemon, &mut told, "lines +2 -0 ~0").await;

    let update = |more: Value| {
        let mut host = json!({ "hostid": edited });
        for (key, value) in more.as_object().unwrap() {
            host[key] = value.clone();
        }
        rig.call("host.update", host);
        look(&daemon);
    };
    // The interval: an hour became ten seconds, and nobody asks for its check.
    update(json!({ "macros": macros_of(a, &every("10s")) }));
    changes(&daemon, &mut told, "lines +0 -0 ~1").await;
    daemon
        .wait_for("a check by the new interval", || {
            lines(&daemon, 0, &line).iter().any(|outcome| outcome["trigger"] == "schedule")
        })
        .await;
    // The router.
    update(json!({ "macros": macros_of(b, &every("10s")) }));
    changes(&daemon, &mut told, "lines +0 -0 ~1").await;
    let port = b.address().port().to_string();
    outcome(&site, &daemon, &line, |o| {
        measured(o) && o["router"].as_str().unwrap().contains(&port)
    })
    .await;
    update(json!({ "macros": macros_of(a, &every("10s")) }));
    changes(&daemon, &mut told, "lines +0 -0 ~1").await;
    // The password: a wrong one is tried, and a right one again.
    let wrong = [("CHECK_INTERVAL", "10s"), ("ROUTER_PASSWORD", "wrong")];
    update(json!({ "macros": macros_of(a, &wrong) }));
    changes(&daemon, &mut told, "lines +0 -0 ~0, routers +0 -0 ~1").await;
    outcome(&site, &daemon, &line, refused).await;
    update(json!({ "macros": macros_of(a, &every("10s")) }));
    changes(&daemon, &mut told, "lines +0 -0 ~0, routers +0 -0 ~1").await;
    outcome(&site, &daemon, &line, measured).await;
    // What cannot be resolved any more has outcomes that say so.
    update(
        json!({ "macros": macros_of(a, &[("CHECK_INTERVAL", "10s"), ("ROUTER_PLATFORM", "x")]) }),
    );
    changes(&daemon, &mut told, "lines +0 -0 ~1").await;
    outcome(&site, &daemon, &line, |o| o["error"]["kind"] == "InvalidConfig").await;
    update(json!({ "macros": macros_of(a, &every("10s")) }));
    changes(&daemon, &mut told, "lines +0 -0 ~1").await;
    outcome(&site, &daemon, &line, measured).await;
    // Disabled and enabled; moved to another proxy and back.
    update(json!({ "status": "1" }));
    changes(&daemon, &mut told, "lines +0 -1 ~0").await;
    update(json!({ "status": "0" }));
    changes(&daemon, &mut told, "lines +1 -0 ~0").await;
    outcome(&site, &daemon, &line, measured).await;
    update(rig.monitored_by("proxy-b"));
    changes(&daemon, &mut told, "lines +0 -1 ~0").await;
    update(rig.monitored_by("proxy-a"));
    changes(&daemon, &mut told, "lines +1 -0 ~0").await;
    // Deleted, and made anew under its name.
    rig.call("host.delete", json!([edited]));
    look(&daemon);
    changes(&daemon, &mut told, "lines +0 -1 ~0").await;
    rig.add_host("edited", macros_of(a, &every("10s")), json!({}));
    look(&daemon);
    changes(&daemon, &mut told, "lines +1 -0 ~0").await;
    outcome(&site, &daemon, &line, measured).await;
    // An empty answer deletes nothing.
    rig.call("host.update", json!({ "hostid": stays, "status": "1" }));
    let made = rig.call("host.get", json!({ "output": ["hostid"], "filter": { "host": [line] } }));
    rig.call("host.update", json!({ "hostid": made[0]["hostid"], "status": "1" }));
    look(&daemon);
    daemon.wait_for("the alarm", || daemon.logged("the inventory is not followed").is_some()).await;
    outcome(&site, &daemon, &stays_line, measured).await;
    // Nothing but the alarm and the wrong password's line was ever wrong with the other line.
    assert!(lines(&daemon, 0, &stays_line).iter().all(measured));
}

#[tokio::test(flavor = "multi_thread")]
async fn lessons_16_and_17_an_inventory_in_6_0_that_is_edited_is_followed() {
    edits_take_effect(Version::V6_0, "follow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lessons_16_and_17_an_inventory_in_7_0_that_is_edited_is_followed() {
    edits_take_effect(Version::V7_0, "follow").await;
}
