use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::net::{RecvFlags, recv};
use socket2::SockRef;

use crate::socket::Socket;

/// What is thrown away at once of what a killed peer has sent, in bytes.
const DISCARD_BYTES: usize = 16 * 1024;
/// How often, at most: 16 MiB in all, more than a receive buffer holds.
const DISCARDS_MAX: usize = 1024;

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
            self.discard();
        }
    }

    /// Has the switch be as if it had fired, for a session that has come to its end in good order
    /// and whose socket is about to be closed.
    pub(crate) fn retire(&self) {
        if !self.0.fired.swap(true, Ordering::AcqRel) {
            // The kernel tells the peer of a connection that is closed with something unread that it
            // was broken.
            self.discard();
        }
    }

    /// Throws away what has come in and was not read. A libssh2 call that is being flooded would
    /// work through megabytes of it, lines in place of a banner one byte at a time.
    fn discard(&self) {
        // Nearly always there is nothing, and no need for room.
        if self.discard_into(&mut [0; 64]) {
            let mut bytes = vec![0; DISCARD_BYTES];
            (0..DISCARDS_MAX).take_while(|_| self.discard_into(&mut bytes)).for_each(drop);
        }
    }

    /// Whether there was something.
    fn discard_into(&self, bytes: &mut [u8]) -> bool {
        // Nothing is copied: to TCP, truncated means forgotten.
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        recv(&*self.0.socket, bytes, flags).is_ok_and(|(_, count)| count > 0)
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
