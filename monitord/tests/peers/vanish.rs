//! The driver and a peer that vanishes without a word: cable cut, power off, a firewall that forgot.

use std::time::Duration;

use pool_core::{Context, ErrorKind, Request};

use crate::must;
use crate::openssh::{assert_alive, config, log_in_by, with_password};
use crate::sshd::{Sshd, SshdOptions};

/// The shortest that can be configured.
const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(6);
/// Well beyond it, and well before TCP would give up by itself.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);

/// A firewall that drops what goes to a port of loopback and what comes from it.
struct Firewall {
    table: String,
}

impl Firewall {
    fn before(port: u16) -> Self {
        let table = format!("monitord-{}-{port}", std::process::id());
        let rules = format!(
            "add table inet {table}\n\
             add chain inet {table} in {{ type filter hook input priority 0; }}\n\
             add rule inet {table} in iif lo tcp dport {port} drop\n\
             add rule inet {table} in iif lo tcp sport {port} drop\n"
        );
        must("nft", &[&rules]);
        Self { table }
    }
}

impl Drop for Firewall {
    fn drop(&mut self) {
        must("nft", &["delete", "table", "inet", &self.table]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_vanishes_is_noticed_by_idle_and_by_waiting_sessions() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut config = config(&sshd, with_password(&sshd));
    config.half_open_timeout = HALF_OPEN_TIMEOUT;
    let mut idle = log_in_by(&sshd, &config).await.unwrap();
    let mut waiting = log_in_by(&sshd, &config).await.unwrap();
    assert_alive(&mut idle).await;
    let command = Request::command("sleep 100").unwrap();
    let ctx = Context::detached(NOTICED_WITHIN);
    let _firewall = {
        let begun = waiting.execute(&ctx, &command);
        tokio::pin!(begun);
        // The command is on its way before the line is cut.
        let firewall = tokio::select! {
            ended = &mut begun => panic!("{ended:?}"),
            () = tokio::time::sleep(Duration::from_millis(500)) => Firewall::before(sshd.port()),
        };
        let error = begun.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        firewall
    };
    // The kernel has given up on this one, too, and says so before the test could time out.
    let error = idle.health_check(&Context::detached(NOTICED_WITHIN)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
}
