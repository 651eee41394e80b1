//! What is kept of Zabbix for a start at which it is away.

use pool_core::{Context, Secret};
use scheduler::{InventorySource, SourceRecord};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::answer::{Host, Macro, Template};
use super::super::fetch::Snapshot;
use super::super::macros::Inherited;
use super::super::settings::{ApiSettings, Scope, Tag};
use super::super::{Login, Pattern, ZabbixSource, record};
use super::api::{api, source};
use super::resolving::{resolver, resolver_of};
use super::script::{Api, Misbehaviour, host, macro_of, proxy, token};
use crate::inventory::Kept;

fn secret_macro(name: &str) -> Value {
    json!({ "macro": format!("{{$LINE_{name}}}"), "type": "1" })
}

fn vault_macro(name: &str, place: &str) -> Value {
    json!({ "macro": format!("{{$LINE_{name}}}"), "type": "2", "value": place })
}

fn host_with(name: &str, macros: &[Value], templates: &[&str]) -> Host {
    let parents: Vec<_> = templates.iter().map(|id| json!({ "templateid": id })).collect();
    let host = json!({ "host": name, "macros": macros, "parentTemplates": parents });
    serde_json::from_value(host).unwrap()
}

/// Hosts with every macro that is read, their own, of a template and of everybody, and with
/// passwords in all places.
fn snapshot() -> Snapshot {
    let all = [
        macro_of("CHECK_INTERVAL", "90s"),
        macro_of("ROUTER_IP", "192.0.2.2"),
        macro_of("ROUTER_PORT", "2222"),
        macro_of("ROUTER_PLATFORM", "huawei_vrp"),
        macro_of("ROUTER_PROTOCOL", "ssh"),
        macro_of("ROUTER_USERNAME", "monitor"),
        macro_of("ROUTER_PASSWORD", "hunter2"),
        macro_of("ROUTER_ENABLE_PASSWORD", "hunter2-enable"),
        macro_of("TARGET", "198.51.100.9"),
        macro_of("PING_COUNT", "3"),
        macro_of("PING_TIMEOUT", "4s"),
        macro_of("PING_SIZE", "1400"),
        macro_of("PING_SOURCE", "203.0.113.1"),
        macro_of("PING_VRF", "customers"),
        macro_of("SOMETHING_ELSE", "hunter2-unknown"),
        json!({ "macro": "{$SNMP_COMMUNITY}", "value": "hunter2-other", "type": "0" }),
    ];
    let router = |number: &str| macro_of("ROUTER_IP", number);
    let secret = [router("192.0.2.3"), secret_macro("ROUTER_PASSWORD")];
    let vault = [router("192.0.2.4"), vault_macro("ROUTER_PASSWORD", "secret/a:password")];
    let bare = [router("192.0.2.5"), macro_of("ROUTER_PASSWORD", "")];
    let hosts = vec![
        host_with("all", &all, &["7"]),
        host_with("bare", &bare, &["7"]),
        host_with("inherits", &[router("192.0.2.6")], &["7"]),
        host_with("odd", &[macro_of("CHECK_INTERVAL", "0")], &[]),
        host_with("secret", &secret, &["7"]),
        host_with("vault", &vault, &["7"]),
    ];
    let set = [macro_of("ROUTER_PASSWORD", "hunter2"), macro_of("ROUTER_PLATFORM", "cisco_iosxe")];
    let template = json!({ "templateid": "7", "macros": set, "parentTemplates": [] });
    let template: Template = serde_json::from_value(template).unwrap();
    let global = [macro_of("ROUTER_USERNAME", "m"), macro_of("ROUTER_ENABLE_PASSWORD", "hunter2")];
    let global: Vec<Macro> = serde_json::from_value(json!(global)).unwrap();
    let inherited = Inherited::new(global, vec![template]);
    Snapshot {
        hosts,
        unreadable: vec!["broken".to_owned()],
        nameless: 2,
        inherited,
        members: Vec::new(),
    }
}

fn login(user: &str, enable: &str) -> Login {
    Login {
        routers: Vec::new(),
        users: vec![Pattern::new(user)],
        vault: Vec::new(),
        username: None,
        password: Some(Secret::new("hunter2")),
        enable_password: Some(Secret::new(enable)),
        private_key: None,
        agent: None,
        auth_order: None,
    }
}

#[test]
fn with_the_passwords_in_credentials_what_is_kept_makes_the_same_lines() {
    let logins = vec![login("monitor", "hunter2-enable"), login("m", "hunter2")];
    let resolver = resolver_of(&[], logins);
    let before = resolver.resolve(&snapshot());
    let names: Vec<_> = before.faults.keys().map(|line| line.as_str()).collect();
    assert_eq!(names, ["broken", "odd"], "the others can be checked: {:?}", before.faults);
    let text = record::write(&snapshot(), &resolver).unwrap();
    let after = resolver.resolve(&record::read(&text).unwrap());
    assert_eq!(after, before);
    // What was restored can be kept again.
    assert_eq!(record::write(&record::read(&text).unwrap(), &resolver), Some(text));
}

/// An entry for all routers, whose password is not that of the one router that has its own in
/// Zabbix: tried there in vain, it would lock the account.
#[test]
fn a_password_that_stood_in_zabbix_is_never_replaced_by_another_one_of_credentials() {
    let wide = Login { users: Vec::new(), ..login("any", "hunter2") };
    let router = |number: &str, password: Value| {
        [
            macro_of("ROUTER_IP", &format!("192.0.2.{number}")),
            macro_of("ROUTER_USERNAME", "m"),
            macro_of("ROUTER_PLATFORM", "cisco_iosxe"),
            password,
        ]
    };
    let hosts = vec![
        host_with("other", &router("1", macro_of("ROUTER_PASSWORD", "hunter3")), &[]),
        host_with("same", &router("2", macro_of("ROUTER_PASSWORD", "hunter2")), &[]),
        host_with("secret", &router("3", secret_macro("ROUTER_PASSWORD")), &[]),
        host_with("vault", &router("4", vault_macro("ROUTER_PASSWORD", "a:b")), &[]),
    ];
    let snapshot = Snapshot { hosts, inherited: Inherited::default(), ..snapshot() };
    let resolver = resolver_of(&[], vec![wide]);
    let text = record::write(&snapshot, &resolver).unwrap();
    assert!(!text.contains("hunter"), "{text}");
    let resolved = resolver.resolve(&record::read(&text).unwrap());
    let faults: Vec<_> = resolved.faults.iter().map(|(id, f)| (id.as_str(), &*f.reason)).collect();
    let expected = "{$LINE_ROUTER_PASSWORD} is not kept while Zabbix is away, and was not that of an \
                    entry of credentials";
    assert_eq!(faults[1..], [("other", expected)], "broken is the first");
    let passwords = resolved.inventory.routers.iter();
    let passwords = passwords.filter_map(|router| router.connection.credentials.password.as_ref());
    assert_eq!(passwords.map(Secret::expose).collect::<Vec<_>>(), ["hunter2"; 3]);
}

#[test]
fn without_them_a_line_says_that_its_password_was_not_kept() {
    let text = record::write(&snapshot(), &resolver()).unwrap();
    let resolved = resolver().resolve(&record::read(&text).unwrap());
    let reason = |line: &str| {
        let found = resolved.faults.iter().find(|(id, _)| id.as_str() == line);
        found.unwrap_or_else(|| panic!("{line} can be checked")).1.reason.as_str()
    };
    for line in ["all", "inherits"] {
        let expected = "{$LINE_ROUTER_ENABLE_PASSWORD} is not kept while Zabbix is away, and \
                        was not that of an entry of credentials";
        assert_eq!(reason(line), expected, "{line}");
    }
    let plain = host_with(
        "plain",
        &[
            macro_of("ROUTER_IP", "192.0.2.1"),
            macro_of("ROUTER_USERNAME", "m"),
            macro_of("ROUTER_PASSWORD", "hunter2"),
            macro_of("ROUTER_PLATFORM", "cisco_iosxe"),
        ],
        &[],
    );
    let snapshot = Snapshot { hosts: vec![plain], inherited: Inherited::default(), ..snapshot() };
    let text = record::write(&snapshot, &resolver()).unwrap();
    let resolved = resolver().resolve(&record::read(&text).unwrap());
    let fault = resolved.faults.iter().find(|(id, _)| id.as_str() == "plain").unwrap().1;
    let expected = "{$LINE_ROUTER_PASSWORD} is not kept while Zabbix is away, and was not that of \
                    an entry of credentials";
    assert_eq!(fault.reason, expected);
}

#[test]
fn no_password_and_nothing_that_is_not_read_here_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::beside(&folder.path().join("known_hosts"));
    let text = record::write(&snapshot(), &resolver()).unwrap();
    let record = SourceRecord { origin: "x".to_owned(), text };
    kept.save(ZabbixSource::NAME, &record.into()).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path().join("inventory")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("198.51.100.9") && text.contains("not_kept"), "{text}");
        for absent in ["hunter2", "SOMETHING_ELSE", "SNMP"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
        files += 1;
    }
    assert_eq!(files, 1);
}

#[test]
fn a_torn_text_is_no_record() {
    let text = record::write(&snapshot(), &resolver()).unwrap();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(record::read(&text[..end]).is_err(), "{end}");
    }
}

/// Keeps what a source with these settings has found, and restores it with others.
fn restored(record: &SourceRecord, settings: &ApiSettings) -> Option<usize> {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::beside(&folder.path().join("known_hosts"));
    kept.save(ZabbixSource::NAME, &record.clone().into()).unwrap();
    let restored = ZabbixSource::restore(settings, &resolver(), &kept)?;
    assert_eq!(restored.unchecked, restored.inventory.lines.len(), "no password is known");
    Some(restored.inventory.lines.len())
}

async fn load(source: &mut ZabbixSource) -> bool {
    let ctx = Context::new(&CancellationToken::new(), std::time::Duration::from_secs(60));
    source.load(&ctx).await.is_ok()
}

#[tokio::test]
async fn what_a_source_found_is_restored_for_the_same_place_only() {
    let api: Api = api("7.0.9", 3).await;
    let settings = api.settings(token(), proxy());
    let mut source = source(settings.clone());
    assert!(load(&mut source).await);
    let record = source.record().unwrap();
    assert_eq!(restored(&record, &settings), Some(3));
    let tag = Tag { value: "OTHER".to_owned(), ..Tag::default() };
    let elsewhere = vec!["http://192.0.2.9/api_jsonrpc.php".to_owned()];
    for other in [
        ApiSettings { scope: Scope::Proxy("other".to_owned()), ..settings.clone() },
        ApiSettings { scope: Scope::ProxyGroup("edge".to_owned()), ..settings.clone() },
        ApiSettings { tag, ..settings.clone() },
        ApiSettings { urls: elsewhere, ..settings.clone() },
    ] {
        assert_eq!(restored(&record, &other), None, "{other:?}");
    }
    let damaged = SourceRecord { text: "{}".to_owned(), ..record };
    assert_eq!(restored(&damaged, &settings), None);
}

#[tokio::test]
async fn only_what_has_changed_is_to_be_kept() {
    let api = api("7.0.9", 2).await;
    let mut source = source(api.settings(token(), proxy()));
    assert_eq!(source.record(), None);
    assert!(load(&mut source).await);
    let first = source.record().unwrap();
    assert!(load(&mut source).await);
    assert_eq!(source.record(), None);
    api.script.lock().hosts.push(host(2));
    assert!(load(&mut source).await);
    assert_ne!(source.record().unwrap(), first);
    api.misbehave("host.get", Misbehaviour::Status(502));
    assert!(!load(&mut source).await);
    assert_eq!(source.record(), None);
}
