//! What a sick router says in place of an answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rand::Rng;
use russh::server::Handle;
use tokio::task::JoinSet;

/// Time between two bytes of an answer that drips. The shortest has 36 bytes under encryption.
pub(crate) const DRIP_PAUSE: Duration = Duration::from_millis(200);

/// Random bytes per write.
pub(crate) const GARBAGE_BYTES: usize = 1024;

/// Time between two writes of random bytes: enough garbage, and no flood.
pub(crate) const GARBAGE_PAUSE: Duration = Duration::from_millis(10);

/// Requests that a chattering router has open at a time.
const REQUESTS_OPEN: usize = 64;

/// SSH's number of a packet to be ignored (RFC 4253, section 11.2).
const SSH_MSG_IGNORE: u8 = 2;

/// Packets without a meaning, as they are before there are keys.
pub(crate) fn meaningless_packets() -> Vec<u8> {
    let mut packet = vec![0, 0, 0, 20, 10, SSH_MSG_IGNORE, 0, 0, 0, 4];
    packet.extend([0; 14]);
    packet.repeat(1000)
}

/// Random bytes.
pub(crate) fn garbage(bytes: usize) -> Vec<u8> {
    let mut garbage = vec![0; bytes];
    rand::rng().fill_bytes(&mut garbage);
    garbage
}

/// What a router can say unasked. It gets it once the session runs.
#[derive(Clone, Default)]
pub(crate) struct Voice(Arc<OnceLock<Handle>>);

impl Voice {
    pub(crate) fn give(&self, handle: Handle) {
        // Given once; a second would be the same.
        self.0.get_or_init(|| handle);
    }

    /// Makes requests without end, as fast as the client refuses them, in tasks of `tasks`.
    pub(crate) fn chatter(&self, tasks: &mut JoinSet<()>) {
        let Some(handle) = self.0.get() else { return };
        for _ in 0..REQUESTS_OPEN {
            let handle = handle.clone();
            tasks.spawn(async move {
                // Both a refusal and the end of the connection are errors. At the latter the
                // tasks are dropped, for which they have to pause.
                loop {
                    handle.forward_tcpip(String::new(), 0).await.ok();
                    tokio::task::yield_now().await;
                }
            });
        }
    }
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Voice").field(&self.0.get().is_some()).finish()
    }
}
