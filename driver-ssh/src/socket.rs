use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{self, Poll};

use pool_core::Error;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

use crate::tunnel::Tunnel;
use crate::valve::Valve;

/// What the bytes of a session go through.
#[derive(Debug)]
pub(crate) struct Socket {
    /// What libssh2 works on.
    valve: Valve,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    /// A connection to the peer itself.
    Direct(TcpStream),
    /// Our end of a tunnel, and what is known about the rest of it.
    Tunnelled(UnixStream, Tunnel),
}

impl Socket {
    /// A connection to the peer itself, hidden from libssh2 until it is
    /// [shown](Self::open_valve).
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(crate) fn direct(stream: TcpStream) -> io::Result<Self> {
        Ok(Self { valve: Valve::shut_from_the_start()?, stream: Stream::Direct(stream) })
    }

    /// An end of a tunnel, hidden as a [direct](Self::direct) connection is.
    ///
    /// # Errors
    ///
    /// As [`direct`](Self::direct).
    pub(crate) fn tunnelled(end: UnixStream, tunnel: Tunnel) -> io::Result<Self> {
        Ok(Self { valve: Valve::shut_from_the_start()?, stream: Stream::Tunnelled(end, tunnel) })
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
        match &self.stream {
            Stream::Direct(_) => None,
            Stream::Tunnelled(_, tunnel) => tunnel.broken(),
        }
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

    /// Waits for the readiness that the reactor knows of.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match &self.stream {
            Stream::Direct(stream) => stream.ready(interest).await,
            Stream::Tunnelled(stream, _) => stream.ready(interest).await,
        }
    }

    /// Whether the reactor knows of a readiness of `interest`; it wakes the latest task that asks, for
    /// each of the two, and no other.
    pub(crate) fn poll_ready(
        &self,
        cx: &mut task::Context<'_>,
        interest: Interest,
    ) -> Poll<io::Result<()>> {
        if interest.is_readable() {
            let readable = match &self.stream {
                Stream::Direct(stream) => stream.poll_read_ready(cx),
                Stream::Tunnelled(stream, _) => stream.poll_read_ready(cx),
            };
            if readable.is_ready() {
                return readable;
            }
        }
        if interest.is_writable() {
            return match &self.stream {
                Stream::Direct(stream) => stream.poll_write_ready(cx),
                Stream::Tunnelled(stream, _) => stream.poll_write_ready(cx),
            };
        }
        Poll::Pending
    }

    /// Runs `work` if the reactor knows of the readiness it needs, and has the reactor forget that if
    /// it would block.
    pub(crate) fn try_io(
        &self,
        interest: Interest,
        work: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match &self.stream {
            Stream::Direct(stream) => stream.try_io(interest, work),
            Stream::Tunnelled(stream, _) => stream.try_io(interest, work),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Direct(stream) => stream.as_fd(),
            Stream::Tunnelled(stream, _) => stream.as_fd(),
        }
    }
}

/// The descriptor for libssh2.
impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.valve.as_raw_fd()
    }
}
