use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{self, Poll};

use pool_core::Error;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::net::UnixStream;

use crate::tunnel::Tunnel;
use crate::valve::Valve;

/// What the bytes of a session go through.
#[derive(Debug)]
pub(crate) struct Socket {
    /// What libssh2 works on.
    valve: Valve,
    /// The connection, of which the reactor is told for input alone. To be writable is what a
    /// socket nearly always is, and whoever has asked for both is told of that each time something
    /// comes in: also when libssh2 has taken it long before the reactor looks, so that there is
    /// nothing to be told of.
    stream: AsyncFd<OwnedFd>,
    /// What is known about the rest of the way, if the stream is our end of a tunnel.
    tunnel: Option<Tunnel>,
}

impl Socket {
    /// A connection to the peer itself, hidden from libssh2 until it is
    /// [shown](Self::open_valve).
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(crate) fn direct(stream: OwnedFd) -> io::Result<Self> {
        Self::on(stream, None)
    }

    /// An end of a tunnel, hidden as a [direct](Self::direct) connection is.
    ///
    /// # Errors
    ///
    /// As [`direct`](Self::direct).
    pub(crate) fn tunnelled(end: UnixStream, tunnel: Tunnel) -> io::Result<Self> {
        Self::on(end.into_std()?.into(), Some(tunnel))
    }

    fn on(stream: OwnedFd, tunnel: Option<Tunnel>) -> io::Result<Self> {
        let stream = register(stream, Interest::READABLE)?;
        Ok(Self { valve: Valve::shut_from_the_start()?, stream, tunnel })
    }

    /// Hides the socket from libssh2, as [`Valve::shut`] does.
    pub(crate) fn shut_valve(&self) {
        self.valve.shut();
    }

    /// Shows libssh2 the socket, and sends what libssh2 has sent meanwhile.
    pub(crate) fn open_valve(&self) {
        self.valve.open(self.as_fd());
    }

    /// Gives `work` what libssh2 would find.
    #[cfg(test)]
    pub(crate) fn valve_line<T>(&self, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        self.valve.line(work)
    }

    /// The beginning of what has come in, which is copied into `room` and not taken.
    pub(crate) fn peek<'a>(&self, room: &'a mut [MaybeUninit<u8>]) -> &'a [u8] {
        let peeked = recv(self, room, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        peeked.map_or(&[], |((bytes, _), _)| bytes)
    }

    /// Why the way to the peer broke, if it was not the peer that ended the session.
    pub(crate) fn broken(&self) -> Option<Error> {
        self.tunnel.as_ref().and_then(Tunnel::broken)
    }

    /// Whether the peer has ended the connection, and everything it said before that has been read.
    pub(crate) fn has_hung_up(&self) -> bool {
        match recv(self, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, count)) => count == 0,
            Err(error) => error != Errno::AGAIN && error != Errno::INTR,
        }
    }

    /// Whether there is something to read from the socket, its end included.
    pub(crate) fn has_input(&self) -> bool {
        recv(self, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) != Err(Errno::AGAIN)
    }

    /// Waits for input that the reactor knows of, its end included, and says which it is.
    pub(crate) async fn ready(&self) -> io::Result<Ready> {
        Ok(self.stream.ready(Interest::READABLE).await?.ready())
    }

    /// Whether the reactor knows of input; it wakes the latest task that asks, and no other.
    pub(crate) fn poll_readable(&self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx).map_ok(drop)
    }

    /// Runs `work` if the reactor knows of input, and has the reactor forget that if it would block.
    pub(crate) fn try_input(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.stream.try_io(Interest::READABLE, |_| work())
    }

    /// The socket under another descriptor, to wait until it can be written to.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(crate) fn outlet(&self) -> io::Result<AsyncFd<OwnedFd>> {
        register(self.as_fd().try_clone_to_owned()?, Interest::WRITABLE)
    }
}

/// Has the reactor tell of `interest` in `fd`, and of nothing else.
#[expect(deprecated, reason = "an owned descriptor keeps what the new way has its caller promise")]
pub(crate) fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, interest)
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.get_ref().as_fd()
    }
}

/// The descriptor for libssh2.
impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.valve.as_raw_fd()
    }
}
