use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use futures_util::FutureExt;
use pool_core::{Context, Error, Phase, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

use crate::alarm::Alarm;
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

    /// Waits until more than `seen` bytes are there to be read; false when the peer has ended its
    /// side, so that there will not be more.
    ///
    /// # Errors
    ///
    /// When the reactor has gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until_more(&self, seen: usize) -> io::Result<bool> {
        let mut bytes = vec![0; seen + 1];
        loop {
            let ready = self.ready(Interest::READABLE).await?;
            let looked = self.try_io(Interest::READABLE, || {
                if self.peek(&mut bytes) > seen {
                    return Ok(());
                }
                Err(io::ErrorKind::WouldBlock.into())
            });
            match looked {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(_) if ready.is_read_closed() || ready.is_error() => return Ok(false),
                Err(_) => {}
            }
        }
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

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match &self.stream {
            Stream::Direct(stream) => stream.ready(interest).await,
            Stream::Tunnelled(stream, _) => stream.ready(interest).await,
        }
    }

    fn try_io(&self, interest: Interest, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match &self.stream {
            Stream::Direct(stream) => stream.try_io(interest, work),
            Stream::Tunnelled(stream, _) => stream.try_io(interest, work),
        }
    }

    /// Waits, without a thread, until the socket is what libssh2 waits for, or seems to be.
    ///
    /// libssh2 reads and writes the socket behind the reactor's back. So what the reactor has known
    /// before is only a hint: it is checked against the kernel, and cleared when it is stale. News
    /// are believed, as libssh2 finds out by itself.
    ///
    /// # Errors
    ///
    /// When the reactor has gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until(&self, interest: Interest) -> io::Result<()> {
        while let Some(known) = self.ready(interest).now_or_never() {
            known?;
            // One by one: the reactor knows no readiness of two kinds, and would never clear it.
            for single in [Interest::READABLE, Interest::WRITABLE] {
                if !wants(interest, single) {
                    continue;
                }
                match self.try_io(single, || check_ready(self.as_fd(), single)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result,
                }
            }
        }
        self.ready(interest).await.map(drop)
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

/// [`Socket::until`], and no longer than `ctx`.
///
/// # Errors
///
/// `DeadlineExceeded` and `Cancelled` in `phase`, and `Local` when the reactor has gone.
///
/// # Cancel safety
///
/// Cancel safe.
pub(crate) async fn wait_ready(
    socket: &Socket,
    ctx: &Context,
    alarm: &mut Alarm,
    phase: Phase,
    interest: Interest,
) -> Result<()> {
    ctx.check(phase)?;
    tokio::select! {
        biased;
        result = socket.until(interest) => result.map_err(|error| Error::Local {
            phase,
            message: format!("cannot wait for the socket: {error}"),
        }),
        ended = alarm.ended(ctx, phase) => Err(ended),
    }
}

fn wants(interest: Interest, single: Interest) -> bool {
    (interest.is_readable() && single.is_readable())
        || (interest.is_writable() && single.is_writable())
}

/// Asks the kernel whether the socket is ready, without waiting.
fn check_ready(socket: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
    let mut flags = PollFlags::empty();
    if interest.is_readable() {
        flags |= PollFlags::IN;
    }
    if interest.is_writable() {
        flags |= PollFlags::OUT;
    }
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(&socket, flags)], Some(&now))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pool_core::ErrorKind;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn bytes_that_were_taken_behind_the_reactors_back_are_no_readiness() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = Socket::direct(stream).unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let wait = async |timeout| {
            let ctx = Context::detached(Duration::from_millis(timeout));
            wait_ready(&socket, &ctx, &mut Alarm::new(), Phase::Read, Interest::READABLE).await
        };
        for _ in 0..3 {
            peer.write_all(b"x").await.unwrap();
            wait(10_000).await.unwrap();
            recv(&socket, &mut [0; 8][..], RecvFlags::empty()).unwrap();
            let error = wait(20).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        }
        drop(peer);
        wait(10_000).await.unwrap();
    }

    #[tokio::test]
    async fn one_of_two_kinds_of_readiness_is_enough_and_neither_is_waited_for_without_a_pause() {
        let (near, far) = UnixStream::pair().unwrap();
        let filler = [0; 4096];
        while near.try_write(&filler).is_ok() {}
        let near = Socket::tunnelled(near, Tunnel::default()).unwrap();
        let both = Interest::READABLE | Interest::WRITABLE;
        let wait = async |timeout| {
            let ctx = Context::detached(Duration::from_millis(timeout));
            wait_ready(&near, &ctx, &mut Alarm::new(), Phase::Write, both).await
        };
        let error = wait(20).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(far.try_write(b"x").unwrap(), 1);
        wait(10_000).await.unwrap();
    }
}
