//! What is in a lab's Zabbix from the beginning: proxies, a group of hosts, a token.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::certificates::SenderTls;
use crate::lab::{Access, Proxy, ProxyGroup};
use crate::layout::Layout;
use crate::process::pause;
use crate::{Api, Version};

const USERNAME: &str = "Admin";
const PASSWORD: &str = "zabbix";
const HOST_GROUP: &str = "Leased lines";
const PROXY_GROUP: &str = "proxy-group";
const TOKEN: &str = "lab";

/// Makes what is missing, and says how to get at it. `token` is an earlier one, which goes on if it
/// still works: a new one ends it.
pub(crate) fn provision(
    layout: &Layout,
    sender_tls: SenderTls,
    token: Option<String>,
) -> Result<Access> {
    let version = layout.version;
    let api_url = format!("http://127.0.0.1:{}/api_jsonrpc.php", layout.frontend_port());
    let api = log_in(&api_url, version)?;
    let host_group = api.get_or_create(
        "hostgroup",
        "groupid",
        ("name", HOST_GROUP),
        json!({ "name": HOST_GROUP }),
    )?;
    let proxy_group = if version.has_proxy_groups() {
        // For so long a member may be silent, on a machine that is busy with other tests, before its
        // hosts go to another one.
        let group = json!({ "name": PROXY_GROUP, "failover_delay": "30s", "min_online": "1" });
        let id = api.get_or_create("proxygroup", "proxy_groupid", ("name", PROXY_GROUP), group)?;
        Some(ProxyGroup { id, name: PROXY_GROUP.to_owned() })
    } else {
        None
    };
    let mut proxies = Vec::new();
    for (place, name) in version.proxies().iter().enumerate() {
        let port = layout.proxy_port(place);
        let in_group = proxy_group.as_ref().filter(|_| name.starts_with("member"));
        let (field, create) = match version {
            Version::V6_0 => ("host", json!({ "host": name, "status": "5" })),
            Version::V7_0 => (
                "name",
                match in_group {
                    Some(group) => json!({
                        "name": name, "operating_mode": "0", "proxy_groupid": group.id,
                        "local_address": "127.0.0.1", "local_port": port.to_string(),
                    }),
                    None => json!({ "name": name, "operating_mode": "0" }),
                },
            ),
        };
        let id = api.get_or_create("proxy", "proxyid", (field, name), create)?;
        proxies.push(Proxy {
            id,
            name: (*name).to_owned(),
            address: format!("127.0.0.1:{port}"),
            in_group: in_group.is_some(),
        });
    }
    Ok(Access {
        version: version.to_string(),
        token: working_token(&api, &api_url, version, token)?,
        api_url,
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
        host_group,
        server_address: format!("127.0.0.1:{}", layout.server_port()),
        proxies,
        proxy_group,
        sender: layout.root().join("usr/bin/zabbix_sender"),
        sender_tls,
        database: format!("postgresql://zabbix@127.0.0.1:{}/zabbix", layout.database_port()),
    })
}

/// The frontend needs a moment, though it listens.
fn log_in(url: &str, version: Version) -> Result<Api> {
    let mut tried = Api::log_in(url, version, USERNAME, PASSWORD);
    for _ in 0..20 {
        if tried.is_ok() {
            break;
        }
        pause(Duration::from_millis(500));
        tried = Api::log_in(url, version, USERNAME, PASSWORD);
    }
    tried
}

fn working_token(api: &Api, url: &str, version: Version, token: Option<String>) -> Result<String> {
    if let Some(token) = token {
        let by_token = Api::with_token(url, version, Some(token.clone()));
        if by_token.call("host.get", json!({ "countOutput": true })).is_ok() {
            return Ok(token);
        }
    }
    let id = api.get_or_create("token", "tokenid", ("name", TOKEN), json!({ "name": TOKEN }))?;
    let made = api.call("token.generate", json!([id]))?;
    Ok(made[0]["token"].as_str().unwrap_or_default().to_owned())
}
