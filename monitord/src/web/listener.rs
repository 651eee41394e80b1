use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use openssl::error::ErrorStack;
use openssl::ssl::Ssl;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_openssl::SslStream;
use tracing::warn;

use super::access::TlsServer;

/// How many clients are served at the same time; others wait to be accepted. A few scrapers and
/// browsers need one each.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may live, whatever it does: slow senders, slow readers and idle ones end
/// here. Every page is made in milliseconds, and scrapers simply connect again; longer would let
/// 64 idle clients keep a health probe out for as long.
const CONNECTION_LIFETIME_MAX: Duration = Duration::from_secs(10);

/// A listener whose connections are bounded in number and in time, and encrypted if need be.
#[derive(Debug)]
pub(super) struct BoundedListener {
    listener: TcpListener,
    tls: Option<TlsServer>,
    permits: Arc<Semaphore>,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener, tls: Option<TlsServer>) -> Self {
        Self { listener, tls, permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// The next connection. A handshake takes place when it is first read, so that nobody who is
    /// slow at it keeps others waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(super) async fn accept(&mut self) -> ServedStream {
        loop {
            let permits = self.permits.clone();
            let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
            // It logs and retries when accepting fails.
            let (stream, _) = Listener::accept(&mut self.listener).await;
            let end = Box::pin(sleep(CONNECTION_LIFETIME_MAX));
            let stream = BoundedStream { stream, end, _permit: permit };
            match self.encrypted(stream) {
                Ok(stream) => return stream,
                Err(error) => warn!(%error, "a connection to the pages cannot be encrypted"),
            }
        }
    }

    fn encrypted(&self, stream: BoundedStream) -> Result<ServedStream, ErrorStack> {
        let Some(TlsServer(context)) = &self.tls else { return Ok(ServedStream::Plain(stream)) };
        let mut ssl = Ssl::new(context)?;
        ssl.set_accept_state();
        SslStream::new(ssl, stream).map(Box::new).map(ServedStream::Tls)
    }
}

/// A connection as it is served.
#[derive(Debug)]
pub(super) enum ServedStream {
    Plain(BoundedStream),
    Tls(Box<SslStream<BoundedStream>>),
}

impl AsyncRead for ServedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ServedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A connection that fails once its time is over.
#[derive(Debug)]
pub(super) struct BoundedStream {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl BoundedStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::AsyncReadExt;

    use super::*;

    async fn listener() -> (BoundedListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (BoundedListener::new(listener, None), address)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_let_go() {
        let (mut listener, address) = listener().await;
        let _client = TcpStream::connect(address).await.unwrap();
        let mut served = listener.accept().await;
        let error = served.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn clients_beyond_the_bound_wait_until_another_has_left() {
        let (mut listener, address) = listener().await;
        let mut clients = Vec::new();
        let mut served = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            clients.push(TcpStream::connect(address).await.unwrap());
            served.push(listener.accept().await);
        }
        clients.push(TcpStream::connect(address).await.unwrap());
        let mut next = Box::pin(listener.accept());
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut next).await.is_err());
        served.pop();
        next.await;
    }
}
