//! What the reactor knows of a socket that libssh2 reads and writes behind its back.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{self, Poll};

use pool_core::{Context, Error, Phase, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::consume_budget;

use crate::alarm::Alarm;
use crate::socket::Socket;

/// How much of what had come in has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All of it: there is nothing to be had before there is news.
    All,
    /// Perhaps not all of it.
    Some,
}

impl Socket {
    /// Has `work` read the socket, which the reactor does not see. If `work` says that it has seen
    /// all that had come in, the reactor forgets that there was something, unless there is news.
    pub(crate) fn read_by<T>(&self, work: impl FnOnce() -> (T, Seen)) -> T {
        let mut work = Some(work);
        let mut do_it = || work.take().map(|work| work());
        let mut done = None;
        let attempt = || {
            done = do_it();
            match done {
                Some((_, Seen::All)) => Err(io::ErrorKind::WouldBlock.into()),
                _ => Ok(()),
            }
        };
        // That it would block is for the reactor. It is no news for us, nor is that the reactor
        // knows of nothing, and has not called.
        self.try_input(attempt).ok();
        done.or_else(do_it).expect("it was not called before").0
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
        let mut until = self.until_by_polling(interest);
        consume_budget().await;
        poll_fn(|cx| until(cx)).await
    }

    /// [`until`](Self::until), to be polled. One task at a time can wait for a socket in this way.
    fn until_by_polling(
        &self,
        interest: Interest,
    ) -> impl FnMut(&mut task::Context<'_>) -> Poll<io::Result<()>> {
        let mut may_be_stale = true;
        let mut outlet = None;
        move |cx| {
            if interest.is_readable() {
                let readable = self.poll_input(cx, &mut may_be_stale);
                if readable.is_ready() {
                    return readable;
                }
            }
            if interest.is_writable() {
                return self.poll_writable(cx, &mut outlet);
            }
            Poll::Pending
        }
    }

    fn poll_input(
        &self,
        cx: &mut task::Context<'_>,
        may_be_stale: &mut bool,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.poll_readable(cx) {
                Poll::Ready(Ok(())) if *may_be_stale => {}
                Poll::Ready(news) => return Poll::Ready(news),
                Poll::Pending => {
                    *may_be_stale = false;
                    return Poll::Pending;
                }
            }
            let check = || match is_ready(self.as_fd(), PollFlags::IN) {
                Ok(true) => Ok(()),
                Ok(false) => Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => Err(error),
            };
            match self.try_input(check) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Whether the socket can be written to. The reactor is told of an `outlet` only when one has to
    /// wait for that, which is when the peer is slow to take what it is sent.
    fn poll_writable(
        &self,
        cx: &mut task::Context<'_>,
        outlet: &mut Option<AsyncFd<OwnedFd>>,
    ) -> Poll<io::Result<()>> {
        let outlet = match outlet {
            Some(outlet) => outlet,
            None if is_ready(self.as_fd(), PollFlags::OUT)? => return Poll::Ready(Ok(())),
            None => outlet.insert(self.outlet()?),
        };
        outlet.poll_write_ready(cx).map_ok(drop)
    }

    /// Waits until something has come in that [`read_by`](Self::read_by) has not seen; false when
    /// the peer has ended its side, so that there will not be more.
    ///
    /// # Errors
    ///
    /// When the reactor has gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until_news(&self) -> io::Result<bool> {
        Ok(!self.ready().await?.is_read_closed())
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
    // A socket that can be written to is so at once, for as long as a peer takes what it is sent.
    consume_budget().await;
    let ready = alarm.wait(ctx, phase, socket.until_by_polling(interest)).await?;
    ready.map_err(|error| Error::Local {
        phase,
        message: format!("cannot wait for the socket: {error}"),
    })
}

/// Asks the kernel whether a socket is ready, or at an end, without waiting.
pub(crate) fn is_ready(socket: BorrowedFd<'_>, flags: PollFlags) -> io::Result<bool> {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    Ok(poll(&mut [PollFd::new(&socket, flags)], Some(&now))? > 0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures_util::FutureExt;
    use pool_core::ErrorKind;
    use rustix::net::{RecvFlags, recv};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream, UnixStream};
    use tokio::task::yield_now;

    use super::*;
    use crate::tunnel::Tunnel;

    #[tokio::test]
    async fn bytes_that_were_taken_behind_the_reactors_back_are_no_readiness() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = Socket::direct(stream.into_std().unwrap().into()).unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let wait = async |timeout| {
            let ctx = Context::detached(Duration::from_millis(timeout));
            wait_ready(
                &socket,
                &ctx,
                &mut Alarm::new(ctx.deadline()),
                Phase::Read,
                Interest::READABLE,
            )
            .await
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
    async fn the_reactor_forgets_what_was_read_and_not_what_has_come_meanwhile() {
        let (near, far) = UnixStream::pair().unwrap();
        let near = Socket::tunnelled(near, Tunnel::default()).unwrap();
        let read = || recv(&near, &mut [0; 8][..], RecvFlags::empty()).unwrap();
        for _ in 0..3 {
            assert_eq!(far.try_write(b"x").unwrap(), 1);
            assert!(near.until_news().await.unwrap());
            near.read_by(|| (read(), Seen::Some));
            assert!(near.until_news().now_or_never().is_some(), "there may be more");
            near.read_by(|| ((), Seen::All));
            assert!(near.until_news().now_or_never().is_none(), "there is not");
            // Without anything to be forgotten, the work is done all the same.
            assert_eq!(near.read_by(|| (7, Seen::All)), 7);
            assert_eq!(far.try_write(b"x").unwrap(), 1);
            assert!(near.until_news().await.unwrap());
            near.read_by(|| {
                read();
                ((), if far.try_write(b"y").is_ok() { Seen::All } else { Seen::Some })
            });
            assert!(near.until_news().await.unwrap(), "what came behind the look is news");
            near.read_by(|| (read(), Seen::All));
        }
        drop(far);
        assert!(!near.until_news().await.unwrap(), "nor will there be more");
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
            wait_ready(&near, &ctx, &mut Alarm::new(ctx.deadline()), Phase::Write, both).await
        };
        let error = wait(20).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(far.try_write(b"x").unwrap(), 1);
        wait(10_000).await.unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_can_always_be_written_to_leaves_its_turn_to_others() {
        let (near, _far) = UnixStream::pair().unwrap();
        let near = Socket::tunnelled(near, Tunnel::default()).unwrap();
        let has_had_a_turn = Cell::new(false);
        let busy = async {
            let ctx = Context::detached(Duration::from_secs(20));
            let mut alarm = Alarm::new(ctx.deadline());
            for _ in 0..10_000 {
                if has_had_a_turn.get() {
                    return true;
                }
                let writable = Interest::WRITABLE;
                wait_ready(&near, &ctx, &mut alarm, Phase::Write, writable).await.unwrap();
            }
            false
        };
        let other = async {
            yield_now().await;
            has_had_a_turn.set(true);
        };
        assert!(tokio::join!(busy, other).0);
    }
}
