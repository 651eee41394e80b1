//! Hosts in Zabbix that are lines of one test.

use lab::LabRouter;
use serde_json::{Value, json};
use zabbix_lab::{Access, Version};

use crate::support::Site;
use crate::zabbix::{Zabbix, blocking, zabbix};

/// The hosts of one test: no other test sees them, because their tag is another.
pub(crate) struct Rig {
    pub(crate) zabbix: &'static Zabbix,
    /// What begins the names of its objects.
    pub(crate) name: &'static str,
    hosts: Vec<String>,
    templates: Vec<String>,
}

impl Rig {
    /// One without hosts. What an earlier run has left is deleted.
    pub(crate) fn new(version: Version, name: &'static str) -> Option<Self> {
        let rig = Self { zabbix: zabbix(version)?, name, hosts: Vec::new(), templates: Vec::new() };
        let search = |id: &str, field: &str| {
            let search = json!({ field: format!("{name}-") });
            json!({ "output": [id], "search": search, "startSearch": true })
        };
        let ids = |found: &Value, id: &str| -> Vec<Value> {
            found.as_array().unwrap().iter().map(|one| one[id].clone()).collect()
        };
        for (object, id) in [("host", "hostid"), ("template", "templateid")] {
            let found = rig.call(&format!("{object}.get"), search(id, "host"));
            let found = ids(&found, id);
            if !found.is_empty() {
                rig.call(&format!("{object}.delete"), json!(found));
            }
        }
        Some(rig)
    }

    pub(crate) fn access(&self) -> &'static Access {
        self.zabbix.access()
    }

    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.zabbix.call(method, params)
    }

    /// The value of the tag of its lines.
    pub(crate) fn tag(&self) -> String {
        format!("LINE-{}", self.name)
    }

    /// What says in a host that a proxy monitors it.
    pub(crate) fn monitored_by(&self, proxy: &str) -> Value {
        let proxy = self.access().proxies.iter().find(|one| one.name == proxy).unwrap();
        self.zabbix.monitored_by(proxy)
    }

    /// Makes a host of proxy-a with these macros; `more` is over all that.
    pub(crate) fn add_host(&mut self, name: &str, macros: Value, more: Value) -> String {
        let mut keys = json!({
            "tags": [{ "tag": "TempType", "value": self.tag() }],
            "macros": macros,
        });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = self.zabbix.new_host(&format!("{}-{name}", self.name), keys);
        self.hosts.push(id.clone());
        id
    }

    /// Makes a template with these macros, to which others are linked.
    pub(crate) fn add_template(&mut self, name: &str, macros: Value, linked: &[&str]) -> String {
        let (groups, field) = match self.zabbix.version {
            Version::V6_0 => (
                self.call("hostgroup.get", json!({ "filter": { "name": ["Templates"] } })),
                "groupid",
            ),
            Version::V7_0 => (
                self.call("templategroup.get", json!({ "filter": { "name": ["Templates"] } })),
                "groupid",
            ),
        };
        let linked: Vec<_> = linked.iter().map(|id| json!({ "templateid": id })).collect();
        let template = json!({
            "host": format!("{}-{name}", self.name),
            "groups": [{ "groupid": groups[0][field] }],
            "macros": macros,
            "templates": linked,
        });
        let made = self.call("template.create", template);
        let id = made["templateids"][0].as_str().unwrap().to_owned();
        self.templates.push(id.clone());
        id
    }

    /// A configuration whose lines are in Zabbix, and nothing else.
    pub(crate) fn site(&self) -> Site {
        let mut site = Site::empty();
        let config = site.config.as_object_mut().unwrap();
        config.remove("routers");
        config.remove("lines");
        let defaults = json!({ "ping": { "count": 2, "timeout": "1s" } });
        config.insert("defaults".to_owned(), defaults);
        config.insert(
            "zabbix".to_owned(),
            json!({
                "api": {
                    "url": self.access().api_url,
                    "token": self.access().token,
                    "tag": { "name": "TempType", "value": self.tag() },
                },
                "proxy_name": "proxy-a",
            }),
        );
        site
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for (method, ids) in [("host.delete", &self.hosts), ("template.delete", &self.templates)] {
            for id in ids {
                // A test may have deleted it.
                blocking(|| self.zabbix.api.call(method, json!([id]))).ok();
            }
        }
    }
}

/// Macros, by the part of their names after `{$LINE_`.
pub(crate) fn macros(pairs: &[(&str, &str)]) -> Value {
    let one = |(name, value): &(&str, &str)| json!({ "macro": format!("{{$LINE_{name}}}"), "value": value });
    pairs.iter().map(one).collect()
}

/// The macros of a line behind `router`, with its password.
pub(crate) fn macros_of(router: &LabRouter, more: &[(&str, &str)]) -> Value {
    let address = router.address();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut pairs = vec![
        ("ROUTER_IP", ip.as_str()),
        ("ROUTER_PORT", &port),
        ("ROUTER_USERNAME", router.user()),
        ("ROUTER_PASSWORD", lab::DEFAULT_PASSWORD),
        ("ROUTER_PLATFORM", router.platform()),
        ("ROUTER_PROTOCOL", "scrapli"),
        ("TARGET", "198.51.100.1"),
    ];
    pairs.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    pairs.extend(more);
    macros(&pairs)
}
