use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pool_core::Context;
use proptest::prelude::*;
use scheduler::{Interval, InventorySource, LineId};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::client::Client;
use super::super::settings::{ApiLogin, ApiSettings, Scope};
use super::super::{Resolved, ZabbixSource, assigned_channel};
use super::resolving::resolver;
use super::script::{Api, Misbehaviour, PASSWORD, TOKEN, host, password, proxy, template, token};
use crate::inventory::unresolved::FaultKind;

const VERSIONS: [&str; 9] =
    ["5.0.46", "5.2.7", "5.4.12", "6.0.14", "6.2.9", "6.4.21", "7.0.9", "7.2.4", "7.4.0"];

pub(super) fn source(settings: ApiSettings) -> ZabbixSource {
    let (_sender, receiver) = watch::channel(Arc::new(resolver()));
    ZabbixSource::new(settings, receiver).unwrap()
}

pub(super) async fn api(version: &str, hosts: usize) -> Api {
    let api = Api::start(version).await;
    let mut script = api.script.lock();
    script.hosts = (0..hosts).map(host).collect();
    script.templates = vec![template()];
    drop(script);
    api
}

async fn look(source: &mut ZabbixSource) -> Result<Resolved, String> {
    source.look().await.map_err(|error| error.0)
}

#[tokio::test]
async fn every_dialect_is_spoken() {
    for version in VERSIONS {
        let api = api(version, 3).await;
        for login in [token(), password()] {
            let is_token = matches!(login, ApiLogin::Token(_));
            let looked = look(&mut source(api.settings(login, proxy()))).await;
            if is_token && version < "5.4" {
                let error = looked.unwrap_err();
                assert!(error.contains("has no tokens: needed is username"), "{error}");
                continue;
            }
            let resolved = looked.unwrap_or_else(|error| panic!("{version}: {error}"));
            assert_eq!(resolved.inventory.lines.len(), 3, "{version}");
            assert!(resolved.faults.is_empty(), "{version}: {:?}", resolved.faults);
        }
        let group = Scope::ProxyGroup("all".to_owned());
        let looked = look(&mut source(api.settings(password(), group))).await;
        assert_eq!(looked.is_ok(), version >= "7.0", "{version}: {looked:?}");
    }
}

#[tokio::test]
async fn the_proxy_that_looks_after_a_host_is_told_of_a_group() {
    let api = api("7.0.9", 4).await;
    let member = |id: &str, address: &str, port: &str| json!({ "proxyid": id, "local_address": address, "local_port": port });
    {
        let mut script = api.script.lock();
        script.members = vec![
            member("21", "192.0.2.21", "10051"),
            member("22", "edge-2.example", "10052"),
            member("23", "no address", "10051"),
            json!({ "proxyid": {} }),
        ];
        for (host, assigned) in script.hosts.iter_mut().zip(["21", "22", "23", "0"]) {
            host["assigned_proxyid"] = json!(assigned);
        }
    }
    let (sender, mut told) = assigned_channel();
    let settings = api.settings(token(), Scope::ProxyGroup("all".to_owned()));
    let mut source = source(settings).telling(sender);
    look(&mut source).await.unwrap();
    assert!(told.has_changed().unwrap());
    let mut shown: Vec<_> =
        told.borrow_and_update().iter().map(|(host, at)| format!("{host} {at}")).collect();
    shown.sort();
    assert_eq!(shown, ["line-00000 192.0.2.21:10051", "line-00001 edge-2.example:10052"]);
    look(&mut source).await.unwrap();
    assert!(!told.has_changed().unwrap(), "it is as it was");
    api.script.lock().hosts[1]["assigned_proxyid"] = json!("21");
    look(&mut source).await.unwrap();
    assert_eq!(told.borrow()["line-00001"].to_string(), "192.0.2.21:10051");
}

#[tokio::test]
async fn an_upgrade_while_it_runs_is_noticed() {
    for (before, after) in [("6.0.14", "7.2.4"), ("5.0.46", "6.4.0"), ("7.4.0", "6.0.1")] {
        let api = api(before, 2).await;
        let mut source = source(api.settings(password(), proxy()));
        look(&mut source).await.unwrap();
        api.script.lock().version = after.to_owned();
        api.end_sessions();
        let resolved = look(&mut source).await.unwrap_or_else(|e| panic!("{before} {after}: {e}"));
        assert_eq!(resolved.inventory.lines.len(), 2);
    }
}

#[tokio::test]
async fn lesson_18_an_expired_session_is_made_again_and_a_wrong_password_tried_once() {
    let api = api("6.0.14", 2).await;
    let mut source = source(api.settings(password(), proxy()));
    look(&mut source).await.unwrap();
    api.end_sessions();
    look(&mut source).await.unwrap();
    let logins = || api.script.lock().calls.iter().filter(|call| *call == "user.login").count();
    assert_eq!(logins(), 2);
    let wrong = ApiLogin::Password {
        username: "monitord".to_owned(),
        password: pool_core::Secret::new("hunter3"),
    };
    let mut source = self::source(api.settings(wrong, proxy()));
    let error = look(&mut source).await.unwrap_err();
    assert!(error.contains("Incorrect user name or password"), "{error}");
    // Once by itself, and once more because the version may be another: it is not.
    assert_eq!(logins(), 3, "accounts are locked after a few");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_no_empty_inventory() {
    let api = api("7.0.9", 2).await;
    let scope = Scope::Proxy("edgy".to_owned());
    let error = look(&mut source(api.settings(token(), scope))).await.unwrap_err();
    assert!(error.contains("there is no proxy \"edgy\""), "{error}");
}

#[tokio::test]
async fn calls_are_flat_for_each_thousand_hosts() {
    for (hosts, expected) in [(1, 6), (1000, 6), (1001, 7), (5000, 10)] {
        let api = api("7.0.9", hosts).await;
        let resolved = look(&mut source(api.settings(token(), proxy()))).await.unwrap();
        assert_eq!(resolved.inventory.lines.len(), hosts);
        // Version, proxy, ids, hosts by the thousand, templates, global macros.
        assert_eq!(api.script.lock().calls.len(), expected, "{hosts}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_read_spoils_no_other() {
    let api = api("6.0.14", 3).await;
    api.script.lock().hosts[1]["macros"] = json!("none");
    api.script.lock().hosts[2]["parentTemplates"] = json!([{ "templateid": "seven" }]);
    let resolved = look(&mut source(api.settings(token(), proxy()))).await.unwrap();
    assert_eq!(resolved.inventory.lines.len(), 3);
    let faults: Vec<_> = resolved.faults.keys().map(LineId::as_str).collect();
    assert_eq!(faults, ["line-00001", "line-00002"]);
}

#[tokio::test]
async fn a_host_that_is_too_large_for_an_answer_is_the_only_one_that_is_missing() {
    let api = api("6.0.14", 8).await;
    let large = super::script::macro_of("ID", &"x".repeat(20_000));
    api.script.lock().hosts[5]["macros"].as_array_mut().unwrap().push(large);
    let settings = api.settings(token(), proxy());
    let mut source = source(settings.clone());
    source.client = Client::reading_up_to(16_000, &settings).unwrap();
    let resolved = look(&mut source).await.unwrap();
    assert_eq!(resolved.inventory.lines.len(), 8);
    let faults: Vec<_> = resolved.faults.iter().map(|(l, f)| (l.as_str(), f.kind)).collect();
    assert_eq!(faults, [("line-00005", FaultKind::Inventory)]);
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_that_repeats_nothing_of_it() {
    let api = api("6.0.14", 2).await;
    let says = |text: &str| Misbehaviour::Says(text.as_bytes().to_vec());
    let large = || Misbehaviour::Says(vec![b' '; 100_000]);
    let wrong = [
        says(""),
        says("<html>hunter2</html>"),
        says("{}"),
        says("[]"),
        says("{\"result\":\"hunter2\"}"),
        says("{\"result\":[{\"hostid\":\"hunter2\"}]}"),
        says("{\"result\":[\"hunter2\",null,7]}"),
        says("{\"error\":\"hunter2\"}"),
        says("{\"error\":{\"code\":-32500,\"message\":\"No\",\"data\":\"permissions\"}}"),
        says(&"[".repeat(50_000)),
        large(),
        Misbehaviour::Status(502),
        Misbehaviour::Status(404),
    ];
    for method in ["apiinfo.version", "proxy.get", "host.get", "template.get", "usermacro.get"] {
        for misbehaviour in &wrong {
            api.misbehave(method, misbehaviour.clone());
            let settings = api.settings(token(), proxy());
            let mut source = source(settings.clone());
            source.client = Client::reading_up_to(80_000, &settings).unwrap();
            let looked = look(&mut source).await;
            let what = format!("{method} {misbehaviour:?}: {looked:?}");
            // Macros that cannot be read are as good as absent: none of ours is among them.
            let is_list = what.contains("usermacro.get Says([123, 34, 114, 101, 115");
            let error = match looked {
                Err(error) => error,
                Ok(_) if is_list => continue,
                Ok(_) => panic!("{what}"),
            };
            // A version is no secret.
            let is_version = error.contains("its version is \"hunter2\"");
            assert!(is_version || !error.contains("hunter2"), "{error}");
            assert!(!error.is_empty() && error.len() < 400, "{error}");
        }
    }
    api.script.lock().misbehaviour = None;
    assert!(look(&mut source(api.settings(token(), proxy()))).await.is_ok());
}

#[tokio::test]
async fn an_api_that_hangs_is_given_up_and_one_that_is_not_there_told() {
    let api = api("6.0.14", 1).await;
    api.misbehave("host.get", Misbehaviour::Hangs);
    let mut settings = api.settings(token(), proxy());
    settings.timeout = Duration::from_millis(100);
    let error = look(&mut source(settings.clone())).await.unwrap_err();
    assert!(error.contains("host.get: no answer within 100ms"), "{error}");
    // The context ends a look too.
    settings.timeout = Duration::from_secs(3600);
    let mut source = source(settings);
    let ctx = Context::new(&CancellationToken::new(), Duration::from_millis(100));
    let error = source.load(&ctx).await.unwrap_err();
    assert!(error.0.contains("deadline exceeded"), "{error}");
    // What was given up is not in the way of the next look.
    api.script.lock().misbehaviour = None;
    assert_eq!(
        source.load(&Context::detached(Duration::from_secs(20))).await.unwrap().lines.len(),
        1
    );
    let settings = api.settings(token(), proxy());
    drop(api);
    let error = look(&mut self::source(settings)).await.unwrap_err();
    assert!(error.contains("cannot connect") || error.contains("no answer"), "{error}");
}

#[tokio::test]
async fn the_api_of_a_package_is_found_one_path_further() {
    let api = api("6.0.14", 1).await;
    let mut settings = api.settings(token(), proxy());
    settings.urls.insert(0, settings.urls[0].replace("/api_jsonrpc", "/elsewhere/api_jsonrpc"));
    assert_eq!(look(&mut source(settings)).await.unwrap().inventory.lines.len(), 1);
}

#[tokio::test]
async fn no_secret_is_in_what_is_shown() {
    let api = api("6.0.14", 1).await;
    let mut source = source(api.settings(password(), proxy()));
    let resolved = look(&mut source).await.unwrap();
    let shown = format!("{source:?} {resolved:?} {:?}", api.settings(token(), proxy()));
    for secret in [TOKEN, PASSWORD, "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let minute = Interval::new(Duration::from_secs(60)).unwrap();
    assert_eq!(resolved.inventory.lines[0].interval, minute);
}

/// An answer as the API gives it, to be broken.
static GOOD: LazyLock<String> = LazyLock::new(|| {
    json!({ "jsonrpc": "2.0", "result": [host(0), host(1)], "id": 1 }).to_string()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is changed in an answer, a look ends with a whole inventory or an error.
    #[test]
    fn no_answer_breaks_it(at in 0usize..400, bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
        let mut text = GOOD.clone().into_bytes();
        let at = at % text.len();
        let end = (at + bytes.len()).min(text.len());
        text.splice(at..end, bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let api = api("6.0.14", 2).await;
            api.misbehave("host.get", Misbehaviour::Says(text));
            if let Err(error) = look(&mut source(api.settings(token(), proxy()))).await {
                assert!(!error.contains("hunter2"), "{error}");
            }
        });
    }
}
