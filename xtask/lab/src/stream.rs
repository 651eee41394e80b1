use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::Manner;
use crate::counters::Open;
use crate::flood::{DRIP_PAUSE, GARBAGE_BYTES, GARBAGE_PAUSE, garbage, meaningless_packets};
use crate::kexcut::KexCut;

/// Bytes of an answer that wait to drip. They come out at five a second.
const DRIPS_MAX: usize = 64 * 1024;

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
    /// What drips out of a muted gate, when that is its manner.
    drips: Arc<Mutex<Option<VecDeque<u8>>>>,
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
                drips: Arc::default(),
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

    /// From now on nothing leaves the router but what this manner brings. Only the first call does
    /// anything. A flood is that of a router without keys; with keys it is the session's to make.
    pub(crate) fn spoil(&self, manner: Manner) {
        if self.muted.swap(true, Ordering::AcqRel) {
            return;
        }
        match manner {
            Manner::Silent => {}
            Manner::Drip => {
                *self.drips.lock() = Some(VecDeque::new());
                let drips = Arc::clone(&self.drips);
                let next = move || drips.lock().as_mut()?.pop_front().map(|byte| vec![byte]);
                self.keep_sending(next, Some(DRIP_PAUSE));
            }
            Manner::Reset => self.reset(),
            Manner::Garbage => {
                self.keep_sending(|| Some(garbage(GARBAGE_BYTES)), Some(GARBAGE_PAUSE));
            }
            Manner::Flood => {
                let packets = meaningless_packets();
                self.keep_sending(move || Some(packets.clone()), None);
            }
            Manner::HalfClose => self.finish(),
        }
    }

    /// Sends what `next` has, again and again, until the connection ends.
    fn keep_sending(
        &self,
        next: impl Fn() -> Option<Vec<u8>> + Send + 'static,
        pause: Option<Duration>,
    ) {
        let (socket, ended) = (self.socket.clone(), self.ended.clone());
        let send = async move {
            // Borrowed for one write at a time, so that the socket closes with its stream.
            while let Some(socket) = socket.upgrade() {
                if let Some(bytes) = next() {
                    send_all(&socket, &bytes).await?;
                }
                drop(socket);
                if let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                }
            }
            Ok::<_, io::Error>(())
        };
        tokio::spawn(async move {
            let sent = ended.run_until_cancelled(send).await;
            tracing::trace!(?sent, "sick connection ended");
        });
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

    fn let_drip(&self, bytes: &[u8]) {
        if let Some(drips) = self.drips.lock().as_mut() {
            let room = DRIPS_MAX - drips.len();
            drips.extend(&bytes[..bytes.len().min(room)]);
        }
    }

    fn count(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.written.send_modify(|written| *written = written.saturating_add(bytes));
    }
}

/// Writes all of `bytes`, beside whoever else writes.
async fn send_all(socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        socket.writable().await?;
        match socket.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
        if allowed.is_empty()
            && let Some(cut) = &this.kex_cut
        {
            this.gate.spoil(cut.manner);
        }
        if this.gate.is_muted() {
            this.gate.count(buf.len());
            this.gate.let_drip(buf);
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
