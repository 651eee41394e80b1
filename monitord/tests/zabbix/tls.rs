//! What is encrypted arrives, and what is not agreed on is said.

use lab::{Lab, RouterSpec};
use serde_json::json;
use zabbix_lab::Version;

use crate::delivery::{said, site, stored};
use crate::zabbix::{wait_for, zabbix};

const IDENTITY: &str = "monitord-test";
const KEY: &str = "3d1ce6a0b4f2875990ab3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081";

async fn values_arrive_with_a_pre_shared_key(version: Version) {
    let Some(zabbix) = zabbix(version) else { return };
    let folder = tempfile::tempdir().unwrap();
    let key_file = |name: &str, key: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{key}\n")).unwrap();
        // A key that others can read is refused.
        let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, only_ours).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (key_file("right", KEY), key_file("wrong", &KEY.replace('3', "4")));
    let lab = Lab::start(vec![RouterSpec::new("shared-key", "linux")]).await.unwrap();
    let psk = json!({ "tls_accept": 2, "tls_psk_identity": IDENTITY, "tls_psk": KEY });
    let host = zabbix.create_host("shared-key", psk);
    zabbix.create_items(&host);
    let tls = ["--tls-connect", "psk", "--tls-psk-identity", IDENTITY, "--tls-psk-file", &right];
    zabbix.known_with(&zabbix.proxy().address, "shared-key", &tls).await;

    let mut site = site(zabbix, &lab);
    let sender = &mut site.config["zabbix"]["sender"];
    sender["psk_identity"] = json!(IDENTITY);
    sender["psk_file"] = json!(wrong);
    let mut daemon = site.start().await;
    daemon.wait_for("the refusal", || daemon.logged("Zabbix cannot be reached").is_some()).await;
    let reason = daemon.logged("Zabbix cannot be reached").unwrap()["reason"].to_string();
    let hint = "does it know this psk_identity, with this key?";
    assert!(reason.contains("TLS: ") && reason.contains(hint), "{reason}");
    daemon.kill().await;
    let mut outcomes = daemon.outcomes();

    site.config["zabbix"]["sender"]["psk_file"] = json!(right);
    let mut daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    outcomes.extend(daemon.outcomes());
    let expected = said(&outcomes, "shared-key");
    wait_for("the values of both", async || stored(zabbix, "shared-key").len() >= expected.len())
        .await;
    assert_eq!(stored(zabbix, "shared-key"), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_arrive_with_a_pre_shared_key_and_wait_while_it_is_wrong() {
    values_arrive_with_a_pre_shared_key(Version::V6_0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_arrive_at_zabbix_7_with_a_pre_shared_key() {
    values_arrive_with_a_pre_shared_key(Version::V7_0).await;
}

/// Of two hosts one asks for certificates and the other for either, which the same sender satisfies.
async fn values_arrive_with_certificates(version: Version) {
    let Some(zabbix) = zabbix(version) else { return };
    let tls = &zabbix.access().sender_tls;
    let hosts = ["by-certificate", "by-either"];
    let specs = hosts.iter().map(|host| RouterSpec::new(*host, "linux"));
    let lab = Lab::start(specs.collect()).await.unwrap();
    let accepts = |kinds: u8| {
        let mut host = json!({ "tls_accept": kinds, "tls_subject": tls.subject });
        if kinds & 2 != 0 {
            host["tls_psk_identity"] = json!("monitord-either");
            host["tls_psk"] = json!(KEY);
        }
        host
    };
    for (host, kinds) in hosts.iter().zip([4, 2 | 4]) {
        let id = zabbix.create_host(host, accepts(kinds));
        zabbix.create_items(&id);
    }
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (ca, certificate, key) = (text(&tls.authority), text(&tls.certificate), text(&tls.key));
    let connect = ["--tls-connect", "cert", "--tls-ca-file", &ca];
    let own = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
    for host in hosts {
        zabbix.known_with(&zabbix.proxy().address, host, &[connect, own].concat()).await;
    }

    let mut site = site(zabbix, &lab);
    let sender = &mut site.config["zabbix"]["sender"];
    sender["ca_file"] = json!(ca);
    // Without a certificate of its own it is nobody whom the proxy would listen to.
    let mut daemon = site.start().await;
    daemon.wait_for("the refusal", || daemon.logged("Zabbix cannot be reached").is_some()).await;
    let reason = daemon.logged("Zabbix cannot be reached").unwrap()["reason"].to_string();
    assert!(reason.contains("TLS: "), "{reason}");
    daemon.kill().await;
    let mut outcomes = daemon.outcomes();

    let sender = &mut site.config["zabbix"]["sender"];
    sender["cert_file"] = json!(certificate);
    sender["key_file"] = json!(key);
    let mut daemon = site.start().await;
    daemon
        .wait_for("an outcome of each", || {
            let outcomes = daemon.outcomes();
            hosts.iter().all(|host| outcomes.iter().any(|outcome| outcome["line"] == *host))
        })
        .await;
    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    outcomes.extend(daemon.outcomes());
    for host in hosts {
        let expected = said(&outcomes, host);
        wait_for("the values of both", async || stored(zabbix, host).len() >= expected.len()).await;
        assert_eq!(stored(zabbix, host), expected, "{host}");
    }
    assert!(daemon.logged("Zabbix refuses items").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_arrive_with_certificates_and_wait_while_there_is_none() {
    values_arrive_with_certificates(Version::V6_0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_arrive_at_zabbix_7_with_certificates() {
    values_arrive_with_certificates(Version::V7_0).await;
}
