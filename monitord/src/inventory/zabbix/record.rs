//! What Zabbix said, in a form that may lie on a disk: the hosts with those of their macros that
//! are read here, whichever of several counts, and without a password.
//!
//! That a password was there is kept. So a host that has one of its own is not taken for one that
//! never had any, and whoever restores it is told why nobody can log in. It is also kept whether an
//! entry of `credentials` had the same password: only then may that entry stand in for it. An entry
//! for many routers whose password is not that of this one would be refused until the router locks
//! the account.

use std::collections::BTreeMap;

use pool_core::Secret;
use serde::{Deserialize, Serialize};

use super::answer::{Host, Macro};
use super::fetch::Snapshot;
use super::line;
use super::macros::{Inherited, MacroValue, full_name};
use super::resolver::Resolver;
use super::settings::{ApiSettings, Scope};

/// The macros whose texts may lie on a disk. No other does, so that a secret under a name that is
/// not known here does not either.
const PLAIN: [&str; 13] = [
    "CHECK_INTERVAL",
    "TARGET",
    "INTERFACE",
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
    InCredentials,
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

/// `snapshot` as a text without passwords. `resolver` knows the entries of `credentials`.
pub(super) fn write(snapshot: &Snapshot, resolver: &Resolver) -> Option<String> {
    let host = |host: &Host| {
        let macros = snapshot.inherited.resolve(host);
        let in_entries = line::in_entries(&macros, resolver);
        let in_entries = in_entries.map(|(password, enable)| [password, enable]);
        let kept = |(name, value): (String, MacroValue)| {
            let place = PASSWORDS.iter().position(|password| *password == name);
            let Some(place) = place else {
                return PLAIN.contains(&name.as_str()).then(|| (name, plain(value)));
            };
            let in_entries = in_entries.as_ref().and_then(|both| both[place].as_ref());
            Some((name, password(value, in_entries)))
        };
        let macros = macros.clone().into_iter().filter_map(kept).collect();
        KeptHost { host: host.name.clone(), macros }
    };
    let hosts = Hosts {
        hosts: snapshot.hosts.iter().map(host).collect(),
        unreadable: snapshot.unreadable.clone(),
        nameless: snapshot.nameless,
    };
    // Texts and numbers are always JSON.
    serde_json::to_string(&hosts).ok()
}

/// What is kept of a macro that holds no password.
fn plain(value: MacroValue) -> KeptValue {
    match value {
        MacroValue::Text(text) => KeptValue::Text(text),
        MacroValue::Secret => KeptValue::Secret,
        MacroValue::Vault(place) => KeptValue::Vault(place),
        MacroValue::NotKept { in_credentials: false } => KeptValue::NotKept,
        MacroValue::NotKept { in_credentials: true } => KeptValue::InCredentials,
    }
}

/// What is kept of a password: of one that can be read only that it was there, and whether an entry
/// of `credentials` has it too.
fn password(value: MacroValue, in_entries: Option<&Secret>) -> KeptValue {
    match value {
        MacroValue::Text(text) if !text.is_empty() => match in_entries {
            Some(entry) if entry.expose() == text => KeptValue::InCredentials,
            _ => KeptValue::NotKept,
        },
        value => plain(value),
    }
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
            KeptValue::NotKept => MacroValue::NotKept { in_credentials: false },
            KeptValue::InCredentials => MacroValue::NotKept { in_credentials: true },
        };
        Macro { name: full_name(&name), value }
    };
    let host = |KeptHost { host, macros }: KeptHost| {
        let macros = macros.into_iter().map(one).collect();
        Host { name: host, macros, parents: Vec::new(), assigned_proxy: None }
    };
    let hosts = hosts.into_iter().map(host).collect();
    let (inherited, members) = (Inherited::default(), Vec::new());
    Ok(Snapshot { hosts, unreadable, nameless, inherited, members })
}
