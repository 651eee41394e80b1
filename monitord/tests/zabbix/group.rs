//! A group of proxies shares the hosts, and sends us where each is looked after.

use std::collections::BTreeSet;
use std::time::SystemTime;

use lab::{Lab, RouterSpec};
use serde_json::json;
use zabbix_lab::{Proxy, Version};

use crate::delivery::{said, site, stored};
use crate::rig::{Rig, macros_of};
use crate::zabbix::{Zabbix, wait_for};

/// The member of the group that looks after a host, once there is one.
async fn assigned<'z>(zabbix: &'z Zabbix, host: &str) -> &'z Proxy {
    let id = || {
        let query = json!({ "output": ["assigned_proxyid"], "filter": { "host": [host] } });
        let found = zabbix.call("host.get", query);
        found[0]["assigned_proxyid"].as_str().unwrap().to_owned()
    };
    wait_for("a member for the host", async || id() != "0").await;
    let id = id();
    zabbix.access().proxies.iter().find(|proxy| proxy.id == id).unwrap()
}

/// Waits until the server has heard of every member: hosts are shared by those that are there, and
/// move while more come.
async fn all_members_online(zabbix: &Zabbix) {
    let members: Vec<_> = zabbix.access().proxies.iter().filter(|proxy| proxy.in_group).collect();
    let ids: Vec<_> = members.iter().map(|proxy| &proxy.id).collect();
    wait_for("all members", async || {
        let found = zabbix.call("proxy.get", json!({ "output": ["state"], "proxyids": ids }));
        found.as_array().unwrap().iter().all(|proxy| proxy["state"] == "2")
    })
    .await;
}

/// Names that no earlier run had: a member forgets a host that was deleted only after a while, and
/// would take the new one of the same name for it.
fn names(count: usize) -> Vec<String> {
    let run = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    (1..=count).map(|number| format!("{run}-{number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_of_a_group_are_followed() {
    let Some(mut rig) = Rig::new(Version::V7_0, "group") else { return };
    let zabbix = rig.zabbix;
    all_members_online(zabbix).await;
    let mut hosts = Vec::new();
    for name in names(4) {
        let id = rig.add_host(&name, json!([]), zabbix.of_group());
        zabbix.create_items(&id);
        zabbix.create_known(&id);
        hosts.push(format!("group-{name}"));
    }
    for host in &hosts {
        let member = assigned(zabbix, host).await;
        zabbix.known(&member.address, host).await;
    }
    let specs = hosts.iter().map(|host| RouterSpec::new(host, "linux"));
    let lab = Lab::start(specs.collect()).await.unwrap();
    // Begin where the first host is not looked after.
    let right = assigned(zabbix, &hosts[0]).await;
    let wrong = zabbix.access().proxies.iter().find(|p| p.in_group && p.id != right.id).unwrap();
    let mut site = site(zabbix, &lab);
    site.config["zabbix"]["sender"]["address"] = json!(wrong.address);
    let mut daemon = site.start().await;
    daemon
        .wait_for("an outcome of each", || {
            let outcomes = daemon.outcomes();
            hosts.iter().all(|host| outcomes.iter().any(|outcome| outcome["line"] == *host))
        })
        .await;
    daemon
        .wait_for("a redirect", || daemon.logged("another proxy looks after this host").is_some())
        .await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    let outcomes = daemon.outcomes();
    for host in &hosts {
        let expected = said(&outcomes, host);
        let what = format!("the values of {host}; log: {:#?}", daemon.log());
        wait_for(&what, async || stored(zabbix, host).len() >= expected.len()).await;
        assert_eq!(stored(zabbix, host), expected, "{host}");
    }
    assert!(daemon.logged("Zabbix refuses items").is_none());
}

/// The API says which member looks after each host, so that nobody has to be sent on.
#[tokio::test(flavor = "multi_thread")]
async fn values_go_to_the_member_that_looks_after_their_host_from_the_first_request_on() {
    let Some(mut rig) = Rig::new(Version::V7_0, "spread") else { return };
    let zabbix = rig.zabbix;
    let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
    let macros = macros_of(lab.router("a"), &[("CHECK_INTERVAL", "10s")]);
    all_members_online(zabbix).await;
    let mut hosts = Vec::new();
    // So many that the group shares them: it evens out a difference of ten.
    for name in names(12) {
        let id = rig.add_host(&name, macros.clone(), zabbix.of_group());
        zabbix.create_items(&id);
        zabbix.create_known(&id);
        hosts.push(format!("spread-{name}"));
    }
    wait_for("each member to have hosts", async || {
        let mut members = BTreeSet::new();
        for host in &hosts {
            members.insert(&assigned(zabbix, host).await.id);
        }
        members.len() > 1
    })
    .await;
    for host in &hosts {
        let member = assigned(zabbix, host).await;
        zabbix.known(&member.address, host).await;
    }
    let mut site = rig.site();
    site.config["spool"] = json!({ "directory": "spool" });
    site.config["zabbix"].as_object_mut().unwrap().remove("proxy_name");
    let group = &zabbix.access().proxy_group.as_ref().unwrap().name;
    site.config["zabbix"]["proxy_group"] = json!(group);
    // Nobody listens there, and nobody asks: for every host it is known where it is looked after.
    site.config["zabbix"]["sender"] = json!({ "address": "127.0.0.1:1" });
    let mut daemon = site.start().await;
    daemon
        .wait_for("an outcome of each", || {
            let outcomes = daemon.outcomes();
            hosts.iter().all(|host| outcomes.iter().any(|outcome| outcome["line"] == **host))
        })
        .await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    let outcomes = daemon.outcomes();
    for host in &hosts {
        let expected = said(&outcomes, host);
        wait_for("the values", async || stored(zabbix, host).len() >= expected.len()).await;
        assert_eq!(stored(zabbix, host), expected, "{host}");
    }
    for never in ["another proxy looks after", "Zabbix refuses items", "Zabbix cannot be reached"] {
        assert!(daemon.logged(never).is_none(), "{:#?}", daemon.logged(never));
    }
}
