//! The inventory in Zabbix: where its API is, whose hosts are lines, and who logs in to them where
//! Zabbix does not say. The predecessor's flat keys are understood.

use std::path::Path;
use std::time::Duration;

use config::ValueKind;
use pool_core::{Credentials, Endpoint};

use super::section::Section;
use super::sender::{bounded, contents};
use super::value::{duration_within, integer, list_of, parsed, word};
use super::{Surroundings, credentials};
use crate::inventory::zabbix::{ApiLogin, ApiSettings, Login, Pattern, Scope, Tag};
use crate::tls::{TlsClient, TlsSettings};

/// How often Zabbix is asked when nothing else is said.
const REFRESH_DEFAULT: Duration = Duration::from_secs(60);
const REFRESH_MIN: Duration = Duration::from_secs(5);
const REFRESH_MAX: Duration = Duration::from_secs(86_400);
/// How long one call may take. A thousand hosts with their macros take a second at most.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Where the API is below the address of a server: as packages of Zabbix install it, and as those
/// of distributions do.
const PATHS: [&str; 2] = ["/api_jsonrpc.php", "/zabbix/api_jsonrpc.php"];
/// Where systems keep the certificates of the authorities that they trust.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const HOST: &str = "an IP address or a host name";

/// Reads what of the section `zabbix` is about the inventory; absent when Zabbix has none for us.
pub(super) fn read<'a>(
    zabbix: &mut Section<'a>,
    around: &Surroundings<'a>,
    warnings: &mut Vec<String>,
) -> Option<ApiSettings> {
    let has_api = zabbix.has("api");
    let has_flat = zabbix.has("serverip");
    if has_api && has_flat {
        zabbix.complain("serverip", "stands beside api: only one of them is allowed");
    }
    let api = zabbix.section("api", |api| read_api(api, around)).flatten();
    let flat = read_flat(zabbix);
    let scope = read_scope(zabbix, has_api || has_flat, warnings);
    let mut settings = api.or(flat)?;
    settings.scope = scope?;
    Some(settings)
}

fn read_api<'a>(api: &mut Section<'a>, around: &Surroundings<'a>) -> Option<ApiSettings> {
    let url = api.require("url", |value| {
        let text = word(value)?;
        url(&text).ok_or_else(|| "an http:// or https:// URL without a user in it".into())
    });
    let login = read_login(api);
    let ca_file = api.get("ca_file", contents(around));
    let refresh = api.get("refresh", duration_within(REFRESH_MIN..=REFRESH_MAX));
    let timeout = api.get("timeout", duration_within(Duration::from_secs(1)..=TIMEOUT_MAX));
    let tag = api.section("tag", |tag| {
        let (name, value) = (tag.require("name", word), tag.require("value", word));
        Some(Tag { name: name?, value: value? })
    });
    let url = url?;
    let tls = if url.starts_with("https") { read_tls(api, ca_file) } else { None };
    Some(ApiSettings {
        urls: urls(&url),
        login: login?,
        tls,
        refresh: refresh.unwrap_or(REFRESH_DEFAULT),
        timeout: timeout.unwrap_or(TIMEOUT_DEFAULT),
        tag: tag.flatten().unwrap_or_default(),
        scope: Scope::default(),
    })
}

/// Whom to trust: those of `ca_file`, or else those that the system trusts.
fn read_tls(api: &Section<'_>, ca_file: Option<Vec<u8>>) -> Option<TlsSettings> {
    let system = || AUTHORITIES.iter().find_map(|file| bounded(Path::new(file)).ok()?);
    let Some(authorities) = ca_file.or_else(system) else {
        if !api.had("ca_file") {
            api.complain("ca_file", "is missing: this system has no certificates of authorities");
        }
        return None;
    };
    let tls = TlsSettings::Certificates { authorities, own: None, server_name: None };
    if let Err((_, fault)) = TlsClient::new(&tls) {
        api.complain("ca_file", format!("cannot be used: {fault}"));
    }
    Some(tls)
}

/// Where to look for the API. An address alone is as good as the predecessor's.
fn urls(url: &str) -> Vec<String> {
    let has_path = url.parse::<hyper::Uri>().is_ok_and(|uri| uri.path() != "/");
    if has_path {
        return vec![url.to_owned()];
    }
    let server = url.trim_end_matches('/');
    PATHS.iter().map(|path| format!("{server}{path}")).collect()
}

/// A URL that the client can use.
fn url(text: &str) -> Option<String> {
    let uri: hyper::Uri = text.parse().ok()?;
    let host = uri.authority().filter(|authority| !authority.as_str().contains('@'))?.host();
    let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    (is_known && !host.is_empty()).then(|| text.to_owned())
}

fn read_login(section: &mut Section<'_>) -> Option<ApiLogin> {
    let has_token = section.has("token");
    if has_token && section.has("username") {
        section.complain("token", "stands beside username: only one of them is allowed");
    }
    let token = section.secret("token");
    let username = section.get("username", word);
    let password = section.secret("password");
    if let Some(token) = token {
        return Some(ApiLogin::Token(token));
    }
    if username.is_none() && !has_token {
        section.complain("token", "is missing: needed is token, or username and password");
    }
    let username = username?;
    if password.is_none() && !section.had("password") {
        section.complain("password", "is missing: username stands without it");
    }
    Some(ApiLogin::Password { username, password: password? })
}

fn read_flat(section: &mut Section<'_>) -> Option<ApiSettings> {
    let declared = section.has("serverip");
    let port = section.get("serverport", integer(1..=u16::MAX));
    let endpoint = |host| Endpoint::new(host, port.unwrap_or(80));
    let server =
        section.get("serverip", parsed(endpoint, |error| format!("{HOST} ({})", error.reason)));
    let username = section.get("username", word);
    let password = section.secret("password");
    if !declared {
        for key in ["username", "password", "serverport"] {
            if section.had(key) {
                section.complain(key, "stands without serverip: it says where Zabbix is");
            }
        }
        return None;
    }
    for (key, is_missing) in [("username", username.is_none()), ("password", password.is_none())] {
        if is_missing && !section.had(key) {
            section.complain(key, "is missing: serverip stands without it");
        }
    }
    let server = server?;
    Some(ApiSettings {
        urls: urls(&format!("http://{server}")),
        login: ApiLogin::Password { username: username?, password: password? },
        tls: None,
        refresh: REFRESH_DEFAULT,
        timeout: TIMEOUT_DEFAULT,
        tag: Tag::default(),
        scope: Scope::default(),
    })
}

/// Whose hosts are lines. Without an API it is of no use, which is no fault: it names the proxy
/// that values go to.
fn read_scope(
    section: &mut Section<'_>,
    is_used: bool,
    warnings: &mut Vec<String>,
) -> Option<Scope> {
    if section.has("proxy_name") && section.has("proxyname") {
        section.complain("proxyname", "stands beside proxy_name: only one of them is allowed");
    }
    let name = section.get("proxy_name", word);
    let name = section.get("proxyname", word).or(name);
    let group = section.get("proxy_group", word);
    if !is_used {
        if name.is_some() || group.is_some() {
            warnings.push("zabbix.proxy_name has no effect without zabbix.api".to_owned());
        }
        return None;
    }
    match (name, group) {
        (Some(_), Some(_)) => {
            let text = "stands beside proxy_name: only one of them is allowed";
            section.complain("proxy_group", text);
            None
        }
        (Some(name), None) => Some(Scope::Proxy(name)),
        (None, Some(group)) => Some(Scope::ProxyGroup(group)),
        (None, None) => {
            if !section.had("proxy_name") && !section.had("proxyname") {
                let text = "is missing: needed is the proxy whose hosts are lines, or proxy_group";
                section.complain("proxy_name", text);
            }
            None
        }
    }
}

/// Reads the list `credentials`: who logs in where the macros of a host do not say.
pub(super) fn read_logins<'a>(root: &mut Section<'a>, around: &Surroundings<'a>) -> Vec<Login> {
    root.list("credentials", |section| {
        let pattern = |value: &ValueKind| Ok(Pattern::new(&word(value)?));
        let routers = section.get("routers", list_of(pattern));
        let users = section.get("users", list_of(pattern));
        let vault = section.get("vault", list_of(pattern));
        let mut login = Login {
            routers: routers.unwrap_or_default(),
            users: users.unwrap_or_default(),
            vault: vault.unwrap_or_default(),
            username: section.get("username", word),
            password: section.secret("password"),
            enable_password: section.secret("enable_password"),
            private_key: None,
            agent: None,
            auth_order: None,
        };
        let mut ways = Credentials::default();
        let default_order = ways.auth_order.clone();
        login.private_key = credentials::read_private_key(section, around);
        credentials::read_ways(section, &mut ways, around);
        login.agent = ways.agent;
        login.auth_order = (ways.auth_order != default_order).then_some(ways.auth_order);
        let gives = ["username", "password", "enable_password", "private_key", "agent"];
        if !gives.iter().any(|key| section.had(key)) {
            section
                .complain("password", format!("is missing: needed is any of {}", gives.join(", ")));
        }
        Some(login)
    })
}
