//! Zabbix as a source of lines comes, becomes another one and goes.

use lab::{DEFAULT_PASSWORD, Lab, RouterSpec};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{measured, reload, wait_for_more};
use crate::support::{Daemon, Site};
use crate::zabbix::{Hosts, host, serve};

/// When the line was due, as its outcomes say.
fn due(daemon: &Daemon, line: &str) -> Vec<jiff::Timestamp> {
    let outcomes = daemon.outcomes();
    let own = outcomes.iter().filter(|o| o["line"] == line && o["trigger"] == "schedule");
    own.map(|o| o["scheduled_at"].as_str().unwrap().parse().unwrap()).collect()
}

#[track_caller]
fn expect_one_outcome_for_each_due_time(daemon: &Daemon, line: &str) {
    let times = due(daemon, line);
    let apart = times.windows(2).map(|two| two[1].duration_since(two[0]).as_millis());
    assert!(apart.clone().all(|gap| gap == 10_000), "{line}: {:?}", apart.collect::<Vec<_>>());
}

fn api(url: &str) -> Value {
    json!({ "api": { "url": url, "token": "x" }, "proxy_name": "edge" })
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_from_zabbix_come_change_and_go_and_nothing_else_is_touched() {
    let routers = ["a", "b"].map(|name| RouterSpec::new(name, "cisco_iosxe"));
    let lab = Lab::start(routers.into()).await.unwrap();
    let (a, b) = (lab.router("a"), lab.router("b"));
    let stays = host("1", "stays", b, "cisco_iosxe");
    let goes = host("2", "goes", b, "cisco_iosxe");
    let comes = host("3", "comes", b, "cisco_iosxe");
    let first = serve(&Hosts::new(Mutex::new(Some(vec![stays.clone(), goes])))).await;
    let second = Hosts::default();
    let second_url = serve(&second).await;
    let mut site = Site::empty();
    site.config["control"] = json!({ "socket": "control.sock" });
    site.add_router(a, DEFAULT_PASSWORD);
    site.add_line("own", "a");
    let daemon = site.start().await;
    wait_for_more(&daemon, "own").await;
    let logins = a.logins_total();

    site.config["zabbix"] = api(&first);
    let came = reload(&site).await;
    assert_eq!(came.stdout, "changed: zabbix.api\n", "{}", came.everything());
    wait_for_more(&daemon, "stays").await;
    wait_for_more(&daemon, "goes").await;

    // Another one, which is away at first: the lines of the former one are still checked.
    site.config["zabbix"] = api(&second_url);
    let changed = reload(&site).await;
    assert_eq!(changed.stdout, "changed: zabbix.api\n", "{}", changed.everything());
    daemon.wait_for("the alarm", || daemon.logged("the inventory is not followed").is_some()).await;
    wait_for_more(&daemon, "goes").await;
    *second.lock() = Some(vec![stays, comes]);
    wait_for_more(&daemon, "comes").await;
    let gone_at = due(&daemon, "goes").len();
    wait_for_more(&daemon, "stays").await;
    wait_for_more(&daemon, "comes").await;
    assert_eq!(due(&daemon, "goes").len(), gone_at, "it has no due time any more");

    // That all of its lines are to go must be said twice.
    site.config.as_object_mut().unwrap().remove("zabbix");
    let refused = reload(&site).await;
    assert_eq!(refused.code, Some(78), "{}", refused.everything());
    assert!(refused.stderr.contains("and with it 2 lines"), "{}", refused.stderr);
    let went = reload(&site).await;
    let expected = "changed: zabbix.api\nchanged: lines +0 -2 ~0, routers +0 -1 ~0\n";
    assert_eq!(went.stdout, expected, "{}", went.everything());
    let before = measured(&daemon, "stays");
    wait_for_more(&daemon, "own").await;
    wait_for_more(&daemon, "own").await;
    assert_eq!(measured(&daemon, "stays"), before);
    for line in ["own", "stays", "goes", "comes"] {
        expect_one_outcome_for_each_due_time(&daemon, line);
    }
    assert_eq!(a.logins_total(), logins, "the session of the line beside them goes on");
}
