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
