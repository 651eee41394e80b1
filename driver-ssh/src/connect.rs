use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pool_core::{Context, Endpoint, Error, ErrorKind, Phase, Result};
use rustix::io::Errno;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::blocking::Threads;
use crate::socket::Socket;

/// Addresses of one name that are tried. A router has a handful; more is a misconfigured zone.
const ADDRESSES_MAX: usize = 8;
/// How often an idle session's peer is asked by TCP in vain before the session is gone.
const KEEPALIVE_PROBES: u32 = 3;

/// Opens a TCP connection to `endpoint`, trying its addresses one after another.
///
/// # Errors
///
/// `Resolve`, `Connect`, `Local` when we are out of descriptors, `DeadlineExceeded`, `Cancelled`.
///
/// # Cancel safety
///
/// Cancel safe: a half-open socket is closed.
pub(crate) async fn connect(
    ctx: &Context,
    threads: &Threads,
    endpoint: &Endpoint,
    half_open_timeout: Duration,
) -> Result<Socket> {
    let addresses = resolve(ctx, threads, endpoint).await?;
    ctx.enter(Phase::Connect);
    let mut latest = None;
    for (index, &address) in addresses.iter().enumerate() {
        let left = addresses.len() - index;
        match connect_one(ctx, address, left, half_open_timeout).await {
            Ok(stream) => return Ok(Socket::Direct(stream)),
            Err(error) => latest = Some(error),
        }
        ctx.check(Phase::Connect)?;
    }
    Err(latest.expect("resolve returns at least one address"))
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

/// Connects to one address within its fair share of the time that is left, so that a silent
/// first address leaves time for the others.
async fn connect_one(
    ctx: &Context,
    address: SocketAddr,
    left: usize,
    half_open_timeout: Duration,
) -> Result<TcpStream> {
    let share = ctx.remaining() / u32::try_from(left).expect("at most 8 addresses");
    let failed = |source: io::Error| match Errno::from_io_error(&source) {
        // Out of descriptors, of memory, or of local ports: the peer has no part in it.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL) => {
            Error::Local { phase: Phase::Connect, message: source.to_string() }
        }
        _ => Error::Connect { address: address.to_string(), source: Arc::new(source) },
    };
    let share = ctx.capped(share);
    let connected = share.run(Phase::Connect, async {
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        set_options(&stream, half_open_timeout).map_err(failed)?;
        Ok(stream)
    });
    match connected.await {
        Err(error) if error.kind() == ErrorKind::DeadlineExceeded && left > 1 => {
            Err(failed(io::ErrorKind::TimedOut.into()))
        }
        result => result,
    }
}

/// Sets the options of a session's socket, so that the kernel ends it when its peer has been gone
/// for `half_open_timeout`: half of it is silence, and then it asks three times.
///
/// Sent bytes that stay unacknowledged for that long end it, too; that is also how long the kernel
/// keeps the rest of a session that we have ended.
fn set_options(stream: &TcpStream, half_open_timeout: Duration) -> io::Result<()> {
    // Without it every small packet waits for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(half_open_timeout / 2)
        .with_interval(half_open_timeout / (2 * KEEPALIVE_PROBES))
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(half_open_timeout))
}
