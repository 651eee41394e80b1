//! Who asks.

use lab::{Lab, RouterSpec};
use serde_json::json;
use zabbix_lab::Version;

use crate::rig::{Rig, macros_of};

/// LESSONS 18: a session that has expired is made again.
#[tokio::test(flavor = "multi_thread")]
async fn lesson_18_a_user_with_a_password_logs_in_again_when_the_session_is_gone() {
    for version in Version::ALL {
        let Some(mut rig) = Rig::new(version, "session") else { continue };
        let lab = Lab::start(vec![RouterSpec::new("a", "cisco_iosxe")]).await.unwrap();
        rig.add_host("one", macros_of(lab.router("a"), &[]), json!({}));
        let mut site = rig.site();
        let api = site.config["zabbix"]["api"].as_object_mut().unwrap();
        api.remove("token");
        api.insert("username".to_owned(), json!(rig.access().username));
        api.insert("password".to_owned(), json!(rig.access().password));
        let daemon = site.start().await;
        let changes =
            || daemon.log().iter().filter(|line| line["message"] == "inventory changed").count();
        daemon.wait_for("the line", || changes() == 1).await;
        // Those of other tests too, which use tokens.
        let ended = std::process::Command::new("psql")
            .args([&rig.access().database, "-q", "-c", "delete from sessions"])
            .status()
            .unwrap();
        assert!(ended.success());
        rig.add_host("two", macros_of(lab.router("a"), &[]), json!({}));
        daemon.signal("HUP");
        daemon.wait_for("the second line", || changes() == 2).await;
        assert!(daemon.logged("the inventory is not followed").is_none());
    }
}
