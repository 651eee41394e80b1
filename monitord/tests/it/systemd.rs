//! What systemd is told, seen from its end of the socket.

use std::sync::Arc;

use lab::{Lab, RouterSpec};
use parking_lot::Mutex;
use tokio::net::UnixDatagram;

use crate::support::Site;

/// A socket like systemd's, and every message that came.
struct Manager {
    folder: tempfile::TempDir,
    said: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    fn listen() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let sink = said.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer).await {
                sink.lock().push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
        });
        Self { folder, said }
    }

    fn path(&self) -> String {
        self.folder.path().join("notify").to_str().unwrap().to_owned()
    }

    fn count(&self, text: &str) -> usize {
        self.said.lock().iter().filter(|message| message.lines().any(|l| l == text)).count()
    }

    fn everything(&self) -> String {
        self.said.lock().join("\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_of_start_reload_progress_and_stop() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let manager = Manager::listen();
    let path = manager.path();
    let environment = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "300000")];
    let mut daemon = Site::of(&lab).start_in(&environment, &["-o", "json"]).await;
    daemon.wait_for("READY", || manager.count("READY=1") == 1).await;
    assert_eq!(manager.count("STATUS=1 lines on 1 routers"), 1, "{}", manager.everything());
    let fed = manager.count("WATCHDOG=1");
    daemon.wait_for("the watchdog's food", || manager.count("WATCHDOG=1") > fed).await;

    daemon.signal("HUP");
    daemon.wait_for("READY after a reload", || manager.count("READY=1") == 2).await;
    let reload = manager.said.lock().iter().find(|m| m.contains("RELOADING=1")).cloned().unwrap();
    assert!(reload.contains("MONOTONIC_USEC="), "{reload}");

    daemon.terminate();
    assert_eq!(daemon.ended().await.0, Some(0));
    daemon.wait_for("STOPPING", || manager.count("STOPPING=1") == 1).await;
}
