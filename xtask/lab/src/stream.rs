use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::counters::Open;
use crate::kexcut::KexCut;

/// The socket under a router's SSH session, with a [`Gate`] on what leaves it.
#[derive(Debug)]
pub(crate) struct FaultyStream {
    socket: Arc<TcpStream>,
    gate: Gate,
    ended_for_read: Pin<Box<WaitForCancellationFutureOwned>>,
    ended_for_write: Pin<Box<WaitForCancellationFutureOwned>>,
    kex_cut: Option<KexCut>,
    /// Counts the connection for as long as the socket is open.
    _open: (Open, TaskTrackerToken),
}

/// The switch of a [`FaultyStream`].
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    socket: Weak<TcpStream>,
    muted: Arc<AtomicBool>,
    leaving: Arc<AtomicBool>,
    ended: CancellationToken,
    written: watch::Sender<u64>,
}

impl FaultyStream {
    /// Wraps a connection, which ends at the latest when `ended` is cancelled. With a `kex_cut`
    /// the gate is muted behind the first packet of the key exchange.
    pub(crate) fn new(
        socket: TcpStream,
        ended: CancellationToken,
        kex_cut: Option<KexCut>,
        open: (Open, TaskTrackerToken),
    ) -> Self {
        let socket = Arc::new(socket);
        Self {
            gate: Gate {
                socket: Arc::downgrade(&socket),
                muted: Arc::new(AtomicBool::new(false)),
                leaving: Arc::new(AtomicBool::new(false)),
                ended: ended.clone(),
                written: watch::Sender::new(0),
            },
            socket,
            ended_for_read: Box::pin(ended.clone().cancelled_owned()),
            ended_for_write: Box::pin(ended.cancelled_owned()),
            kex_cut,
            _open: open,
        }
    }

    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }
}

impl Gate {
    /// From now on nothing leaves the router: what it writes is swallowed.
    pub(crate) fn mute(&self) {
        self.muted.store(true, Ordering::Release);
    }

    /// Sends FIN and nothing after it. The connection ends when the client closes its side.
    pub(crate) fn finish(&self) {
        self.mute();
        if let Some(socket) = self.socket.upgrade() {
            let result = socket2::SockRef::from(&*socket).shutdown(std::net::Shutdown::Write);
            tracing::trace!(?result, "connection finished");
        }
    }

    /// The router is about to hang up: it does so by [`Gate::close`] at the latest when the client
    /// has closed its channel.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Closes the connection in good order, without a word of SSH, as routers do.
    pub(crate) fn close(&self) {
        self.finish();
        self.ended.cancel();
    }

    /// Ends the connection by RST.
    pub(crate) fn reset(&self) {
        if let Some(socket) = self.socket.upgrade() {
            let result = socket.set_zero_linger();
            tracing::trace!(?result, "connection reset");
        }
        self.ended.cancel();
    }

    /// Bytes that the SSH session has written so far, swallowed ones included.
    pub(crate) fn written(&self) -> u64 {
        *self.written.borrow()
    }

    /// Waits until [`Gate::written`] has reached this mark.
    ///
    /// # Cancel safety
    /// Safe: it only waits.
    pub(crate) async fn reached(&self, mark: u64) {
        let mut written = self.written.subscribe();
        // The sender lives in this very gate, so the wait cannot fail for want of one.
        let reached = written.wait_for(|written| *written >= mark).await;
        debug_assert!(reached.is_ok());
    }

    fn is_muted(&self) -> bool {
        self.muted.load(Ordering::Acquire)
    }

    fn count(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.written.send_modify(|written| *written = written.saturating_add(bytes));
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the lab ended the connection")
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended_for_read.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ended()));
        }
        loop {
            ready!(this.socket.poll_read_ready(cx))?;
            match this.socket.try_read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.ended_for_write.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ended()));
        }
        let allowed = match &this.kex_cut {
            Some(cut) => cut.allowed(buf),
            None => buf,
        };
        if allowed.is_empty() {
            this.gate.mute();
        }
        if this.gate.is_muted() {
            this.gate.count(buf.len());
            return Poll::Ready(Ok(buf.len()));
        }
        loop {
            ready!(this.socket.poll_write_ready(cx))?;
            match this.socket.try_write(allowed) {
                Ok(count) => {
                    if let Some(cut) = &mut this.kex_cut {
                        cut.passed(&allowed[..count]);
                    }
                    this.gate.count(count);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = socket2::SockRef::from(&*self.socket).shutdown(std::net::Shutdown::Write);
        Poll::Ready(match result {
            // The client was faster to leave.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        })
    }
}
