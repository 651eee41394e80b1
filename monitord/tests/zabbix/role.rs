//! The role that is written is enough, and no more.

use serde_json::{Value, json};
use zabbix_lab::{Api, Version};

use crate::rig::{Rig, macros};
use crate::support::run;

/// Deletes what an earlier run has left.
fn clear(rig: &Rig) {
    for (object, id, field) in [
        ("user", "userid", "username"),
        ("usergroup", "usrgrpid", "name"),
        ("role", "roleid", "name"),
    ] {
        let params = json!({ "output": [id], "filter": { field: ["monitord"] } });
        let found = rig.call(&format!("{object}.get"), params);
        let ids: Vec<_> = found.as_array().unwrap().iter().map(|one| &one[id]).collect();
        if !ids.is_empty() {
            rig.call(&format!("{object}.delete"), json!(ids));
        }
    }
}

/// A token of a user who has the role and may read hosts and templates.
fn token_with(rig: &Rig, role: &Value) -> String {
    let role = rig.call("role.create", role.clone())["roleids"][0].clone();
    let (templates, field) = match rig.access().version.as_str() {
        "6.0" => ("hostgroup.get", "rights"),
        _ => ("templategroup.get", "hostgroup_rights"),
    };
    let templates = rig.call(templates, json!({ "filter": { "name": ["Templates"] } }));
    let read = |id: &Value| json!({ "permission": "2", "id": id });
    let mut group = json!({ "name": "monitord" });
    let hosts = read(&json!(rig.access().host_group));
    if field == "rights" {
        group[field] = json!([hosts, read(&templates[0]["groupid"])]);
    } else {
        group[field] = json!([hosts]);
        group["templategroup_rights"] = json!([read(&templates[0]["groupid"])]);
    }
    let group = rig.call("usergroup.create", group)["usrgrpids"][0].clone();
    let user = json!({
        "username": "monitord", "passwd": "hunter2-and-more", "roleid": role,
        "usrgrps": [{ "usrgrpid": group }],
    });
    let user = rig.call("user.create", user)["userids"][0].clone();
    let token = rig.call("token.create", json!({ "name": "monitord", "userid": user }));
    let made = rig.call("token.generate", json!([token["tokenids"][0]]));
    made[0]["token"].as_str().unwrap().to_owned()
}

/// One that nothing in Zabbix stands beside.
fn outcome() -> String {
    let outcome = json!({
        "line": "role-one", "platform": "cisco_iosxe", "sent": 1, "received": 1,
        "scheduled_at": "2025-12-22T08:00:00.000Z", "trigger": "schedule", "task": "ping",
    });
    format!("{outcome}\n")
}

#[tokio::test]
async fn a_user_with_the_role_reads_the_lines_and_writes_nothing() {
    for version in Version::ALL {
        let Some(mut rig) = Rig::new(version, "role") else { continue };
        clear(&rig);
        let written = run(&["zabbix", "role", "-o", "json", "--for", version.as_str()], &[]).await;
        let role: Value = serde_json::from_str(&written.stdout).unwrap();
        let token = token_with(&rig, &role);
        let router = [("ROUTER_USERNAME", "m"), ("ROUTER_PASSWORD", "x")];
        let router = rig.add_template("router", macros(&router), &[]);
        let own = macros(&[("ROUTER_IP", "192.0.2.1"), ("ROUTER_PLATFORM", "cisco_iosxe")]);
        let linked = json!({ "templates": [{ "templateid": router }] });
        let host = rig.add_host("one", own, linked);

        let mut site = rig.site();
        site.config["zabbix"]["api"]["token"] = json!(token);
        let lines = site.run("lines", &["-o", "json"]).await;
        assert_eq!(lines.code, Some(0), "{version}: {}", lines.everything());
        assert_eq!(lines.json()[0]["username"], "m", "{version}: {}", lines.everything());
        if let Some(group) = &rig.access().proxy_group {
            site.config["zabbix"].as_object_mut().unwrap().remove("proxy_name");
            site.config["zabbix"]["proxy_group"] = json!(group.name);
            let lines = site.run("lines", &[]).await;
            assert_eq!(lines.code, Some(0), "{version}: {}", lines.everything());
        }

        let user = Api::with_token(&rig.access().api_url, version, Some(token));
        for (method, params) in [
            ("host.update", json!({ "hostid": host, "status": "1" })),
            ("host.delete", json!([host])),
            ("usermacro.createglobal", json!({ "macro": "{$X}", "value": "x" })),
            ("user.get", json!({})),
            ("history.get", json!({})),
        ] {
            assert!(user.call(method, params).is_err(), "{version}: {method}");
        }
        let outcomes = site.path().with_file_name("outcomes.jsonl");
        std::fs::write(&outcomes, outcome()).unwrap();
        let compare = [outcomes.to_str().unwrap()];
        let refused = site.run("compare", &compare).await;
        assert_eq!(refused.code, Some(1), "{version}: {}", refused.everything());
        assert!(refused.stderr.contains("`monitord zabbix role --history`"), "{}", refused.stderr);
        clear(&rig);

        let more = ["zabbix", "role", "--history", "-o", "json", "--for", version.as_str()];
        let role: Value = serde_json::from_str(&run(&more, &[]).await.stdout).unwrap();
        site.config["zabbix"]["api"]["token"] = json!(token_with(&rig, &role));
        let allowed = site.run("compare", &compare).await;
        assert!(allowed.stderr.contains("there is nothing to compare"), "{}", allowed.stderr);
        clear(&rig);
    }
}
