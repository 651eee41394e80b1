//! What Zabbix said, in a form that may lie on a disk: the hosts with those of their macros that
//! are read here, whichever of several counts, and without a password.
//!
//! That a password was there is kept. So a host that has one of its own is not taken for one that
//! never had any, and whoever restores it is told why nobody can log in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Host, Macro};
use super::fetch::Snapshot;
use super::macros::{Inherited, MacroValue, full_name};
use super::settings::{ApiSettings, Scope};

/// The macros whose texts may lie on a disk. No other does, so that a secret under a name that is
/// not known here does not either.
const PLAIN: [&str; 12] = [
    "CHECK_INTERVAL",
    "TARGET",
    "PING_COUNT",
    "PING_TIMEOUT",
    "PING_SIZE",
    "PING_SOURCE",
    "PING_VRF",
    "ROUTER_IP",
    "ROUTER_PORT",
    "ROUTER_PLATFORM",
    "ROUTER_PROTOCOL",
    "ROUTER_USERNAME",
];
/// Those of which only that they were there.
const PASSWORDS: [&str; 2] = ["ROUTER_PASSWORD", "ROUTER_ENABLE_PASSWORD"];

#[derive(Debug, Serialize, Deserialize)]
struct Hosts {
    hosts: Vec<KeptHost>,
    unreadable: Vec<String>,
    nameless: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptHost {
    host: String,
    macros: BTreeMap<String, KeptValue>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptValue {
    Text(String),
    Secret,
    Vault(String),
    NotKept,
}

/// Where what is kept was said: other hosts are at another URL, of another proxy, or tagged
/// otherwise.
pub(super) fn origin(settings: &ApiSettings) -> String {
    let (kind, name) = match &settings.scope {
        Scope::Proxy(name) => ("proxy", name),
        Scope::ProxyGroup(name) => ("group", name),
    };
    let (tag, urls) = (&settings.tag, &settings.urls);
    format!("{kind} {name:?}, tag {:?} {:?}, at {urls:?}", tag.name, tag.value)
}

/// `snapshot` as a text without passwords.
pub(super) fn write(snapshot: &Snapshot) -> Option<String> {
    let host = |host: &Host| {
        let macros = snapshot.inherited.resolve(host).into_iter();
        let macros = macros.filter_map(|(name, value)| kept(&name, value).map(|it| (name, it)));
        KeptHost { host: host.name.clone(), macros: macros.collect() }
    };
    let hosts = Hosts {
        hosts: snapshot.hosts.iter().map(host).collect(),
        unreadable: snapshot.unreadable.clone(),
        nameless: snapshot.nameless,
    };
    // Texts and numbers are always JSON.
    serde_json::to_string(&hosts).ok()
}

/// What is kept of a macro, if anything is.
fn kept(name: &str, value: MacroValue) -> Option<KeptValue> {
    let is_password = PASSWORDS.contains(&name);
    if !is_password && !PLAIN.contains(&name) {
        return None;
    }
    Some(match value {
        MacroValue::Text(text) if is_password && !text.is_empty() => KeptValue::NotKept,
        MacroValue::Text(text) => KeptValue::Text(text),
        MacroValue::Secret => KeptValue::Secret,
        MacroValue::Vault(place) => KeptValue::Vault(place),
        MacroValue::NotKept => KeptValue::NotKept,
    })
}

/// What [`write()`] has written.
///
/// # Errors
///
/// When `text` is nothing that it writes.
pub(super) fn read(text: &str) -> Result<Snapshot, serde_json::Error> {
    let Hosts { hosts, unreadable, nameless } = serde_json::from_str(text)?;
    let one = |(name, value): (String, KeptValue)| {
        let value = match value {
            KeptValue::Text(text) => MacroValue::Text(text),
            KeptValue::Secret => MacroValue::Secret,
            KeptValue::Vault(place) => MacroValue::Vault(place),
            KeptValue::NotKept => MacroValue::NotKept,
        };
        Macro { name: full_name(&name), value }
    };
    let host = |KeptHost { host, macros }: KeptHost| {
        let macros = macros.into_iter().map(one).collect();
        Host { name: host, macros, parents: Vec::new(), assigned_proxy: None }
    };
    let hosts = hosts.into_iter().map(host).collect();
    Ok(Snapshot { hosts, unreadable, nameless, inherited: Inherited::default() })
}
