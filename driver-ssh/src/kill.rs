use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::SockRef;

use crate::socket::Socket;

/// Ends a session from outside, at once and for good.
///
/// Shutting the socket down makes every libssh2 call return within a few milliseconds, also one
/// that is being fed without end. It must come before any ssh2 object is dropped: their drops
/// would otherwise try to say farewell to a peer that does not listen, and leak what they could
/// not send.
#[derive(Clone, Debug)]
pub(crate) struct KillSwitch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: Arc<Socket>,
    fired: AtomicBool,
}

impl KillSwitch {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self(Arc::new(Inner { socket, fired: AtomicBool::new(false) }))
    }

    /// Shuts the socket down in both directions. Only the first call does anything.
    pub(crate) fn fire(&self) {
        if !self.0.fired.swap(true, Ordering::AcqRel) {
            // Fails only when the peer has ended the connection already.
            SockRef::from(&*self.0.socket).shutdown(Shutdown::Both).ok();
        }
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.0.fired.load(Ordering::Acquire)
    }

    /// A guard that fires when it is dropped before it is disarmed.
    pub(crate) fn guard(&self) -> KillGuard {
        KillGuard(Some(self.clone()))
    }
}

/// Fires a [`KillSwitch`] on drop: what an operation holds while it must not be cut short.
#[derive(Debug)]
#[must_use = "dropping the guard ends the session"]
pub(crate) struct KillGuard(Option<KillSwitch>);

impl KillGuard {
    /// The operation has come to its end; the session lives on.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for KillGuard {
    fn drop(&mut self) {
        if let Some(switch) = self.0.take() {
            switch.fire();
        }
    }
}
