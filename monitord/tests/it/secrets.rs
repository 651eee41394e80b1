//! Nothing that a run prints has a secret in it, at whatever level and however it fails.

use lab::{Fault, Lab, RouterSpec};
use serde_json::json;

use crate::support::Site;

/// The password of every login; what the tests look for is the part that all secrets share.
const PASSWORD: &str = "hunter2-password";
const ENABLE: &str = "hunter2-enable";
const SHARED: &str = "hunter2";

async fn lab() -> Lab {
    let login =
        |name: &str, platform: &str| RouterSpec::new(name, platform).password("monitor", PASSWORD);
    Lab::start(vec![
        login("good", "cisco_iosxe").enable_password(ENABLE),
        login("good-exec", "linux"),
        login("asking", "h3c_comware").without_password().keyboard_interactive(true),
        login("refusing", "huawei_vrp").fault(Fault::AuthRefused),
        login("garbled", "cisco_nxos").fault(Fault::GarbageOutput),
        login("silent", "cisco_iosxr").fault(Fault::StallInAuth),
    ])
    .await
    .unwrap()
}

fn site(lab: &Lab) -> Site {
    let mut site = Site::empty();
    for router in lab.routers() {
        let entry = site.add_router(router, PASSWORD);
        if router.name() == "good" {
            entry["enable_password"] = ENABLE.into();
        }
        if router.name() == "good-exec" {
            entry["protocol"] = "ssh".into();
        }
        site.add_line(router.name(), router.name());
    }
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_trace_level_shows_no_secret() {
    let lab = lab().await;
    let site = site(&lab);
    for (command, more) in [
        ("once", &["-o", "json", "--log-level", "trace"][..]),
        ("once", &["--log-level", "trace", "--log-format", "json"]),
        ("lines", &["-o", "json"]),
        ("lines", &[]),
        ("validate", &["--log-level", "trace"]),
    ] {
        let ended = site.run(command, more).await;
        let printed = ended.everything();
        assert!(printed.contains("refusing") || command == "validate", "it ran: {printed}");
        assert!(!printed.contains(SHARED), "{command} {more:?}: {printed}");
    }
    assert!(lab.router("good").logins_total() > 0, "the good password was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_secrets_can_be_told_from_absent_ones() {
    let lab = lab().await;
    let lines = site(&lab).run("lines", &["-o", "json"]).await.json();
    let of = |name: &str| lines.iter().find(|line| line["router"] == name).unwrap().clone();
    assert_eq!(
        (&of("good")["password"], &of("good")["enable_password"]),
        (&json!("***"), &json!("***"))
    );
    assert_eq!(of("silent")["enable_password"], json!(null));
}

#[tokio::test]
async fn a_refused_configuration_shows_no_secret() {
    let mut site = Site::empty();
    site.config["routers"] = json!([
        { "name": "a", "host": "h h", "platform": "linux", "username": "u", "password": PASSWORD },
        { "name": "b", "host": "h", "platform": "linux", "username": "u", "password": { "x": PASSWORD } },
        { "name": "c", "host": "h", "platform": "linux", "username": "u", "pasword": PASSWORD },
        { "name": "d", "host": "h", "platform": "linux", "username": "u",
          "password": format!("command:echo {PASSWORD}; exit 1") },
    ]);
    let ended = site.run("validate", &[]).await;
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("did you mean `password`"), "{}", ended.stderr);
    assert!(!ended.everything().contains(SHARED), "{}", ended.everything());
}
