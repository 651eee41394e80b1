//! The calls that it takes to know all hosts with their macros: as many for each thousand of them,
//! whatever they are.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{
    Host, HostId, Id, Macro, NameOnly, Parent, ProxyAddress, ProxyGroupId, ProxyId, Template,
};
use super::client::{ApiError, Client};
use super::macros::Inherited;
use super::settings::{Scope, Tag};

/// How many objects one call asks for.
const BATCH: usize = 1000;
/// How many hosts are taken. More lines than this are for more than one monitord.
const HOSTS_MAX: usize = 200_000;
/// How many proxies of a group are taken. Zabbix's largest groups have dozens.
const MEMBERS_MAX: usize = 1000;
/// How deep templates are followed.
const DEPTH_MAX: usize = 32;

/// What Zabbix knows of our lines.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The hosts, by name.
    pub(super) hosts: Vec<Host>,
    /// Hosts whose part of an answer cannot be read, by name.
    pub(super) unreadable: Vec<String>,
    /// How many hosts cannot even be named.
    pub(super) nameless: usize,
    /// What they inherit.
    pub(super) inherited: Inherited,
    /// The members of the group of proxies that shares the hosts, if one does.
    pub(super) members: Vec<ProxyAddress>,
}

/// Asks for everything. When the API was replaced by one of another version meanwhile, once more.
///
/// # Errors
///
/// When anything of it cannot be had: a part of it would look like lines that are gone.
pub(crate) async fn fetch(
    client: &mut Client,
    scope: &Scope,
    tag: &Tag,
) -> Result<Snapshot, ApiError> {
    match fetch_once(client, scope, tag).await {
        Err(error @ (ApiError::Refused { .. } | ApiError::Malformed(_))) => {
            if client.has_changed().await {
                fetch_once(client, scope, tag).await
            } else {
                Err(error)
            }
        }
        fetched => fetched,
    }
}

async fn fetch_once(client: &mut Client, scope: &Scope, tag: &Tag) -> Result<Snapshot, ApiError> {
    let (key, place) = scope_filter(client, scope).await?;
    let ids = host_ids(client, (key, place), tag).await?;
    let mut read = ReadHosts::default();
    for batch in ids.chunks(BATCH) {
        read.fetch(client, batch).await?;
    }
    let ReadHosts { mut hosts, mut unreadable, nameless } = read;
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    unreadable.sort();
    let templates = templates(client, &hosts).await?;
    let inherited = Inherited::new(global_macros(client).await?, templates);
    let members = match scope {
        Scope::ProxyGroup(_) => members(client, place).await?,
        Scope::Proxy(_) => Vec::new(),
    };
    Ok(Snapshot { hosts, unreadable, nameless, inherited, members })
}

/// The ids of the enabled hosts that are lines.
async fn host_ids(
    client: &mut Client,
    (key, id): (&'static str, Id),
    tag: &Tag,
) -> Result<Vec<Id>, ApiError> {
    let params = json!({
        "output": ["hostid"],
        key: [id.0.to_string()],
        "filter": { "status": 0 },
        // Equal; 0 would be "contains".
        "tags": [{ "tag": tag.name, "value": tag.value, "operator": 1 }],
        "inheritedTags": true,
    });
    let hosts: Vec<HostId> = client.call("host.get", params).await?;
    if hosts.len() > HOSTS_MAX {
        let text = format!("host.get: {} hosts are more than {HOSTS_MAX}", hosts.len());
        return Err(ApiError::Malformed(text));
    }
    Ok(hosts.into_iter().map(|host| host.id).collect())
}

/// How to ask for the hosts of `scope`.
async fn scope_filter(client: &mut Client, scope: &Scope) -> Result<(&'static str, Id), ApiError> {
    let dialect = client.dialect().await?;
    let (found, key, what, name) = match scope {
        Scope::Proxy(name) => {
            let params =
                json!({ "output": ["proxyid"], "filter": { dialect.proxy_name(): [name] } });
            let found: Vec<ProxyId> = client.call("proxy.get", params).await?;
            (found.first().map(|proxy| proxy.id), "proxyids", "proxy", name)
        }
        Scope::ProxyGroup(_) if !dialect.has_proxy_groups() => {
            let text = format!("Zabbix {dialect} has no groups of proxies: needed is proxy_name");
            return Err(ApiError::Away(text));
        }
        Scope::ProxyGroup(name) => {
            let params = json!({ "output": ["proxy_groupid"], "filter": { "name": [name] } });
            let found: Vec<ProxyGroupId> = client.call("proxygroup.get", params).await?;
            (found.first().map(|group| group.id), "proxy_groupids", "proxy group", name)
        }
    };
    let id = found.ok_or_else(|| {
        ApiError::Away(format!("there is no {what} {name:?}, or its user may not see it"))
    })?;
    Ok((key, id))
}

/// The proxies of a group. One of whom nothing can be read is left out: values find their way without.
async fn members(client: &mut Client, group: Id) -> Result<Vec<ProxyAddress>, ApiError> {
    let params = json!({
        "output": ["proxyid", "local_address", "local_port"],
        "filter": { "proxy_groupid": [group.0.to_string()] },
    });
    let read = |item: &str| serde_json::from_str(item).ok();
    let members = client.list("proxy.get", params, read).await?;
    Ok(members.into_iter().flatten().take(MEMBERS_MAX).collect())
}

#[derive(Debug, Default)]
struct ReadHosts {
    hosts: Vec<Host>,
    unreadable: Vec<String>,
    nameless: usize,
}

/// A host, as far as it can be read.
enum Readable {
    Whole(Box<Host>),
    Name(String),
    Nothing,
}

impl ReadHosts {
    /// Asks for these hosts; when the answer would be too large, for half of them at a time, so
    /// that one that is too large for any answer is the only one that is missing.
    async fn fetch(&mut self, client: &mut Client, ids: &[Id]) -> Result<(), ApiError> {
        let mut batches = vec![ids];
        while let Some(ids) = batches.pop() {
            let params = json!({
                "output": ["hostid", "host", "assigned_proxyid"],
                "hostids": texts(ids),
                "selectMacros": ["macro", "value", "type"],
                "selectParentTemplates": ["templateid"],
            });
            match client.list("host.get", params, read_host).await {
                Ok(hosts) => hosts.into_iter().for_each(|host| self.add(host)),
                Err(ApiError::TooLarge(_)) if ids.len() > 1 => {
                    let (head, tail) = ids.split_at(ids.len() / 2);
                    batches.extend([head, tail]);
                }
                Err(ApiError::TooLarge(_)) => {
                    let params = json!({ "output": ["host"], "hostids": texts(ids) });
                    let name = |item: &str| match serde_json::from_str(item) {
                        Ok(NameOnly { name }) => Readable::Name(name),
                        Err(_) => Readable::Nothing,
                    };
                    let hosts = client.list("host.get", params, name).await?;
                    hosts.into_iter().for_each(|host| self.add(host));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add(&mut self, host: Readable) {
        match host {
            Readable::Whole(host) => self.hosts.push(*host),
            Readable::Name(name) => self.unreadable.push(name),
            Readable::Nothing => self.nameless += 1,
        }
    }
}

fn read_host(item: &str) -> Readable {
    if let Ok(host) = serde_json::from_str(item) {
        return Readable::Whole(Box::new(host));
    }
    match serde_json::from_str(item) {
        Ok(NameOnly { name }) => Readable::Name(name),
        Err(_) => Readable::Nothing,
    }
}

/// The templates of `hosts` and those that are linked to them, level by level.
async fn templates(client: &mut Client, hosts: &[Host]) -> Result<Vec<Template>, ApiError> {
    let mut known: BTreeSet<Id> = BTreeSet::new();
    let mut found = Vec::new();
    let parents = |parents: &[Parent]| parents.iter().map(|p| p.id).collect::<Vec<_>>();
    let mut level: Vec<Id> = hosts.iter().flat_map(|host| parents(&host.parents)).collect();
    for _ in 0..DEPTH_MAX {
        level.retain(|id| known.insert(*id));
        if level.is_empty() {
            break;
        }
        let mut next = Vec::new();
        for batch in level.chunks(BATCH) {
            let params = json!({
                "output": ["templateid"],
                "templateids": texts(batch),
                "selectMacros": ["macro", "value", "type"],
                "selectParentTemplates": ["templateid"],
            });
            let templates: Vec<Template> = client.call("template.get", params).await?;
            next.extend(templates.iter().flat_map(|template| parents(&template.parents)));
            found.extend(templates);
        }
        level = next;
    }
    Ok(found)
}

async fn global_macros(client: &mut Client) -> Result<Vec<Macro>, ApiError> {
    /// One that cannot be read is none of ours, or missed where it is used.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Macro(Macro),
        Other(serde::de::IgnoredAny),
    }
    let params = json!({ "globalmacro": true, "output": ["macro", "value", "type"] });
    let all: Vec<Either> = client.call("usermacro.get", params).await?;
    let macros = all.into_iter().filter_map(|one| match one {
        Either::Macro(one) => Some(one),
        Either::Other(_) => None,
    });
    Ok(macros.collect())
}

pub(super) fn texts(ids: &[Id]) -> Vec<Value> {
    ids.iter().map(|id| json!(id.0.to_string())).collect()
}
