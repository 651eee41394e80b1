use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pool_core::{Context, Endpoint, Error, ErrorKind, Phase, Result};
use rustix::io::Errno;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::blocking::Threads;

/// Addresses of one name that are tried. A router has a handful; more is a misconfigured zone.
const ADDRESSES_MAX: usize = 8;
/// When an idle session's peer is first asked by TCP whether it is still there, how often then,
/// and how often in vain before the session is gone: a minute in all, well before the next check
/// of a typical interval.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;
/// How long sent bytes may stay unacknowledged, and how long the kernel keeps the rest of a
/// session that we have ended.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

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
) -> Result<Arc<TcpStream>> {
    let addresses = resolve(ctx, threads, endpoint).await?;
    ctx.enter(Phase::Connect);
    let mut latest = None;
    for (index, &address) in addresses.iter().enumerate() {
        let left = addresses.len() - index;
        match connect_one(ctx, address, left).await {
            Ok(stream) => return Ok(Arc::new(stream)),
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
async fn connect_one(ctx: &Context, address: SocketAddr, left: usize) -> Result<TcpStream> {
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
        set_options(&stream).map_err(failed)?;
        Ok(stream)
    });
    match connected.await {
        Err(error) if error.kind() == ErrorKind::DeadlineExceeded && left > 1 => {
            Err(failed(io::ErrorKind::TimedOut.into()))
        }
        result => result,
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    // Without it every small packet waits for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}
