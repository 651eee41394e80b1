//! A real Zabbix, with what a test makes in it.

use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::{Instant, sleep};
use zabbix_lab::{Access, Api, Proxy, Unavailable, Version, ZabbixLab};

/// Configuration reaches a proxy of the lab within seconds, values the server within one, and
/// refused values are sent again after half a minute. Whatever takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(250);
const RELOAD_EVERY: Duration = Duration::from_millis(500);
/// An item that every host has, to find out whether a proxy knows the host yet.
const KNOWN: &str = "test.known";

/// The item of the figures.
pub(crate) const PING: &str = "dedicatedLinePing";

/// Zabbix's kinds of values, as `history.get` numbers them.
pub(crate) const FLOAT: u8 = 0;
pub(crate) const CHARACTER: u8 = 1;
pub(crate) const UNSIGNED: u8 = 3;
pub(crate) const TEXT: u8 = 4;

/// A Zabbix that runs.
pub(crate) struct Zabbix {
    pub(crate) lab: ZabbixLab,
    pub(crate) version: Version,
    pub(crate) api: Api,
    /// When everyone was last told to look at the configuration.
    reloaded: Mutex<Option<Instant>>,
}

/// The one of this version, started when the first test asks; absent when there is none for this
/// machine, which only 7.0 is excused for.
pub(crate) fn zabbix(version: Version) -> Option<&'static Zabbix> {
    static V6_0: OnceLock<Option<Zabbix>> = OnceLock::new();
    static V7_0: OnceLock<Option<Zabbix>> = OnceLock::new();
    let slot = match version {
        Version::V6_0 => &V6_0,
        Version::V7_0 => &V7_0,
    };
    // Blocking, and for long the first time: whoever comes later waits on its own thread.
    blocking(|| slot.get_or_init(|| Zabbix::up(version))).as_ref()
}

impl Zabbix {
    fn up(version: Version) -> Option<Self> {
        match ZabbixLab::up(&ZabbixLab::default_folder(version), version) {
            Ok(lab) => {
                // By token: another test may end all sessions.
                let Access { api_url, token, .. } = lab.access();
                let api = Api::with_token(api_url, version, Some(token.clone()));
                Some(Self { lab, version, api, reloaded: Mutex::default() })
            }
            Err(error) if version != Version::V6_0 && error.is::<Unavailable>() => {
                eprintln!("Zabbix {version} cannot be had, and is not tested against: {error:#}");
                None
            }
            Err(error) => panic!("Zabbix {version} does not start: {error:#}"),
        }
    }

    pub(crate) fn access(&self) -> &Access {
        self.lab.access()
    }

    /// The proxy that is in no group.
    pub(crate) fn proxy(&self) -> &Proxy {
        &self.access().proxies[0]
    }

    /// The result of an API method, which must succeed.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        blocking(|| self.api.call(method, params)).unwrap()
    }

    /// The keys of a host that say that `proxy` monitors it.
    pub(crate) fn monitored_by(&self, proxy: &Proxy) -> Value {
        match self.version {
            Version::V6_0 => json!({ "proxy_hostid": proxy.id }),
            Version::V7_0 => json!({ "monitored_by": 1, "proxyid": proxy.id }),
        }
    }

    /// Makes a host behind [`proxy`](Self::proxy), over which `more` goes, and returns its id.
    pub(crate) fn new_host(&self, name: &str, more: Value) -> String {
        let mut host = json!({
            "host": name, "groups": [{ "groupid": self.access().host_group }], "inventory_mode": -1,
        });
        let keys = host.as_object_mut().unwrap();
        if more.get("proxy_groupid").is_none() {
            keys.extend(self.monitored_by(self.proxy()).as_object().unwrap().clone());
        }
        keys.extend(more.as_object().unwrap().clone());
        let made = self.call("host.create", host);
        made["hostids"][0].as_str().unwrap().to_owned()
    }

    /// As [`new_host`](Self::new_host), in place of one of that name that an earlier run has left,
    /// and with an item to find out who knows it.
    pub(crate) fn create_host(&self, name: &str, more: Value) -> String {
        let query = json!({ "output": ["hostid"], "filter": { "host": [name] } });
        if let Some(id) = self.call("host.get", query)[0]["hostid"].as_str() {
            self.call("host.delete", json!([id]));
        }
        let id = self.new_host(name, more);
        self.create_known(&id);
        id
    }

    /// Makes the item by which [`known`](Self::known) finds out.
    pub(crate) fn create_known(&self, host: &str) {
        self.create_item(host, KNOWN, UNSIGNED);
    }

    /// The keys of a host that say that the group of proxies monitors it.
    pub(crate) fn of_group(&self) -> Value {
        let group = self.access().proxy_group.as_ref().unwrap();
        json!({ "monitored_by": 2, "proxy_groupid": group.id })
    }

    /// Makes a trapper item of a host, and returns its id.
    pub(crate) fn create_item(&self, host: &str, key: &str, kind: u8) -> String {
        let mut item = json!({
            "hostid": host, "name": key, "key_": key, "type": 2, "value_type": kind, "history": "7d",
        });
        if kind != TEXT {
            item["trends"] = json!("0");
        }
        let made = self.call("item.create", item);
        made["itemids"][0].as_str().unwrap().to_owned()
    }

    /// Makes the two items of the predecessor.
    pub(crate) fn create_items(&self, host: &str) {
        self.create_item(host, PING, UNSIGNED);
        self.create_item(host, "dedicatedLineErrorDetail", TEXT);
    }

    /// The id of an item.
    pub(crate) fn item(&self, host: &str, key: &str) -> String {
        let query = json!({ "output": ["itemid"], "host": host, "filter": { "key_": [key] } });
        let found = self.call("item.get", query);
        found[0]["itemid"].as_str().unwrap_or_else(|| panic!("{host} has no {key}")).to_owned()
    }

    /// All values of an item, oldest first.
    pub(crate) fn history(&self, host: &str, key: &str, kind: u8) -> Vec<Value> {
        let query = json!({
            "output": "extend", "itemids": [self.item(host, key)], "history": kind,
            "sortfield": "clock", "sortorder": "ASC",
        });
        let mut values = self.call("history.get", query).as_array().unwrap().clone();
        values.sort_by_key(moment);
        values
    }

    /// Waits until the proxy at `address` takes values of `host`.
    pub(crate) async fn known(&self, address: &str, host: &str) {
        self.known_with(address, host, &[]).await;
    }

    /// As [`known`](Self::known), with more arguments for `zabbix_sender`.
    pub(crate) async fn known_with(&self, address: &str, host: &str, more: &[&str]) {
        let (ip, port) = address.rsplit_once(':').unwrap();
        let arguments = ["-z", ip, "-p", port, "-s", host, "-k", KNOWN, "-o", "1"];
        let arguments = [&arguments, more].concat();
        let what = format!("{address} to know {host}");
        wait_for(&what, async || {
            self.reload();
            self.is_taken(&arguments).await
        })
        .await;
    }

    /// Sends a value with the moment of now.
    pub(crate) async fn send(&self, host: &str, key: &str, value: &str) {
        let (ip, port) = self.proxy().address.rsplit_once(':').unwrap();
        assert!(self.is_taken(&["-z", ip, "-p", port, "-s", host, "-k", key, "-o", value]).await);
    }

    async fn is_taken(&self, arguments: &[&str]) -> bool {
        let sender = &self.access().sender;
        let sent = tokio::process::Command::new(sender).args(arguments).output().await.unwrap();
        String::from_utf8_lossy(&sent.stdout).contains("processed: 1; failed: 0")
    }
}

impl Zabbix {
    /// Has everyone look at what was changed at once, and not two seconds later. Not more often than
    /// that does good.
    fn reload(&self) {
        let mut last = self.reloaded.lock();
        if last.is_none_or(|last| last.elapsed() >= RELOAD_EVERY) {
            *last = Some(Instant::now());
            blocking(|| self.lab.reload()).unwrap();
        }
    }
}

/// What waits on its thread, in either kind of runtime.
pub(crate) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The moment of a value of the history.
pub(crate) fn moment(value: &Value) -> (i64, u32) {
    let text = |key: &str| value[key].as_str().unwrap();
    (text("clock").parse().unwrap(), text("ns").parse().unwrap())
}

/// Waits until `holds`, or fails with what it waited for.
pub(crate) async fn wait_for(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "waited for {what}");
        sleep(POLL).await;
    }
}
