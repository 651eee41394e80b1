use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{Context, Endpoint, Error, Phase, Result};
use rustix::event::PollFlags;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket as TcpSocket, TcpKeepalive, Type};
use tokio::io::Interest;

use crate::alarm::Alarm;
use crate::blocking::Threads;
use crate::race::{interleaved, race};
use crate::readiness::is_ready;
use crate::socket::{Socket, register};

/// Addresses of one name that are tried. A router has a handful; more is a misconfigured zone.
const ADDRESSES_MAX: usize = 8;
/// How often an idle session's peer is asked by TCP in vain before the session is gone.
const KEEPALIVE_PROBES: u32 = 3;

/// Opens a TCP connection to `endpoint`, at whichever of its addresses answers first.
///
/// # Errors
///
/// `Resolve`, `Connect`, `Local` when we are out of descriptors, `DeadlineExceeded`, `Cancelled`.
///
/// # Cancel safety
///
/// Cancel safe: half-open sockets are closed.
pub(crate) async fn connect(
    ctx: &Context,
    alarm: &mut Alarm,
    threads: &Threads,
    endpoint: &Endpoint,
    half_open_timeout: Duration,
) -> Result<Socket> {
    let addresses = resolve(ctx, threads, endpoint).await?;
    let stream = connect_any(ctx, alarm, addresses, half_open_timeout).await?;
    Socket::direct(stream.into())
        .map_err(|error| Error::Local { phase: Phase::Connect, message: error.to_string() })
}

/// Connects to whichever of `addresses` answers, so that a silent one costs a moment, and not the
/// deadline.
async fn connect_any(
    ctx: &Context,
    alarm: &mut Alarm,
    addresses: Vec<SocketAddr>,
    half_open_timeout: Duration,
) -> Result<TcpSocket> {
    let attempts = interleaved(addresses)
        .into_iter()
        .map(|address| async move { connect_one(address, half_open_timeout).await });
    let race = async { race(attempts).await.expect("there is an address") };
    alarm.run(ctx, Phase::Connect, race).await
}

async fn resolve(ctx: &Context, threads: &Threads, endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
    ctx.check(Phase::Resolve)?;
    if let Ok(ip) = endpoint.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port())]);
    }
    ctx.enter(Phase::Resolve);
    let failed = |source: io::Error| Error::Resolve {
        host: endpoint.host().to_owned(),
        source: Arc::new(source),
    };
    let answer = threads.look_up(ctx, endpoint.host(), endpoint.port()).await?;
    let mut addresses = answer.map_err(failed)?;
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    Ok(addresses)
}

async fn connect_one(address: SocketAddr, half_open_timeout: Duration) -> Result<TcpSocket> {
    let failed = |source: io::Error| match Errno::from_io_error(&source) {
        // Out of descriptors, of memory, or of local ports: the peer has no part in it.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL) => {
            Error::Local { phase: Phase::Connect, message: source.to_string() }
        }
        _ => Error::Connect { address: address.to_string(), source: Arc::new(source) },
    };
    let stream = dial(address).await.map_err(failed)?;
    set_options(&stream, half_open_timeout).map_err(failed)?;
    Ok(stream)
}

/// A connection to `address`. The reactor is asked only if that takes time: what is near has answered
/// already, and what reads the session will be registered in another way.
async fn dial(address: SocketAddr) -> io::Result<TcpSocket> {
    let kind = Type::STREAM.nonblocking();
    let mut socket = TcpSocket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    match socket.connect(&address.into()) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => {}
        done => return done.map(|()| socket),
    }
    if !is_ready(socket.as_fd(), PollFlags::OUT)? {
        let waiting = register(socket.into(), Interest::WRITABLE)?;
        // The end of the attempt, good or bad, is the first that there is to be told.
        waiting.writable().await?.retain_ready();
        socket = waiting.into_inner().into();
    }
    // What has come of it (connect(2), EINPROGRESS).
    socket.take_error()?.map_or(Ok(socket), Err)
}

/// Sets the options of a session's socket, so that the kernel ends it when its peer has been gone
/// for `half_open_timeout`: half of it is silence, and then it asks three times. How often it has
/// asked does not count where there is a time for it (tcp(7), `TCP_USER_TIMEOUT`).
///
/// Sent bytes that stay unacknowledged for that long end it, too; that is also how long the kernel
/// keeps the rest of a session that we have ended.
fn set_options(socket: &TcpSocket, half_open_timeout: Duration) -> io::Result<()> {
    // Without it every small packet waits for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(half_open_timeout / 2)
        .with_interval(half_open_timeout / (2 * KEEPALIVE_PROBES));
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(half_open_timeout))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use pool_core::ErrorKind;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(60);

    /// An address that does not answer, as long as what comes with it lives: the kernel drops
    /// what comes when a backlog is full.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut fill = Vec::new();
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            fill.push(stream.unwrap());
        }
        (address, listener, fill)
    }

    #[tokio::test]
    async fn a_silent_first_address_does_not_keep_the_others_from_being_reached() {
        let (silent, _listener, _fill) = silent().await;
        let refusing = "127.0.0.1:1".parse().unwrap();
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![silent, refusing, live.local_addr().unwrap()];
        let ctx = Context::detached(Duration::from_secs(20));
        let stream =
            connect_any(&ctx, &mut Alarm::new(ctx.deadline()), addresses, HALF_OPEN_TIMEOUT)
                .await
                .unwrap();
        assert_eq!(stream.peer_addr().unwrap().as_socket(), live.local_addr().ok());
        let connections = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let syn_sent = format!(":{:04X} 02", silent.port());
        assert!(!connections.contains(&syn_sent), "the silent attempt is over");

        let ctx = Context::detached(Duration::from_millis(600));
        let error = connect_any(
            &ctx,
            &mut Alarm::new(ctx.deadline()),
            vec![silent, silent],
            HALF_OPEN_TIMEOUT,
        )
        .await
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
        assert_eq!(error.phase(), Some(Phase::Connect));
    }

    #[tokio::test]
    async fn an_address_that_answers_late_is_waited_for() {
        let (address, listener, fill) = silent().await;
        let mut dialling = Box::pin(dial(address));
        assert!((&mut dialling).now_or_never().is_none(), "it is silent");
        // The kernel asks again a second later, and there is room then.
        for _ in &fill {
            listener.accept().await.unwrap();
        }
        let stream = tokio::time::timeout(Duration::from_secs(20), dialling).await.unwrap();
        assert_eq!(stream.unwrap().peer_addr().unwrap().as_socket(), Some(address));
    }
}
