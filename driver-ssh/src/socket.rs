use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

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
    /// A connection to the peer itself.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(crate) fn direct(stream: TcpStream) -> io::Result<Self> {
        Ok(Self { valve: Valve::on(stream.as_fd())?, stream: Stream::Direct(stream) })
    }

    /// An end of a tunnel.
    ///
    /// # Errors
    ///
    /// As [`direct`](Self::direct).
    pub(crate) fn tunnelled(end: UnixStream, tunnel: Tunnel) -> io::Result<Self> {
        Ok(Self { valve: Valve::on(end.as_fd())?, stream: Stream::Tunnelled(end, tunnel) })
    }

    /// Hides the socket from libssh2, as [`Valve::shut`] does.
    pub(crate) fn shut_valve(&self) {
        self.valve.shut();
    }

    /// Shows libssh2 the socket again.
    pub(crate) fn open_valve(&self) {
        self.valve.open(self.as_fd());
    }

    /// Gives `work` what libssh2 would find.
    #[cfg(test)]
    pub(crate) fn valve_line<T>(&self, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        self.valve.line(work)
    }

    /// Runs `work`, in which libssh2 finds nothing to read, whatever has come in.
    pub(crate) fn unheard<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shut_valve();
        let done = work();
        self.open_valve();
        done
    }

    /// Copies the beginning of what has come in, without taking it; the number of bytes.
    pub(crate) fn peek(&self, into: &mut [u8]) -> usize {
        let room = into.len();
        let peeked = recv(self, into, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        peeked.map_or(0, |(_, count)| count.min(room))
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
