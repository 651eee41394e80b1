use std::io;

use pool_core::{Context, Error, Phase, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Waits, without a thread, until `socket` is what libssh2 waits for.
///
/// libssh2 reads and writes the socket behind the reactor's back, so the reactor's notion of
/// readiness is only a hint: it is checked against the kernel, and cleared when it is stale.
///
/// # Errors
///
/// `DeadlineExceeded` and `Cancelled` in `phase`, and `Local` when the reactor has gone.
///
/// # Cancel safety
///
/// Cancel safe.
pub(crate) async fn wait_ready(
    socket: &TcpStream,
    ctx: &Context,
    phase: Phase,
    interest: Interest,
) -> Result<()> {
    let ready = async {
        loop {
            socket.ready(interest).await?;
            match socket.try_io(interest, || check_ready(socket, interest)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    };
    ctx.check(phase)?;
    tokio::select! {
        biased;
        result = ready => result.map_err(|error: io::Error| Error::Local {
            phase,
            message: format!("cannot wait for the socket: {error}"),
        }),
        ended = ctx.ended(phase) => Err(ended),
    }
}

/// Asks the kernel whether the socket is ready, without waiting.
fn check_ready(socket: &TcpStream, interest: Interest) -> io::Result<()> {
    let mut flags = PollFlags::empty();
    if interest.is_readable() {
        flags |= PollFlags::IN;
    }
    if interest.is_writable() {
        flags |= PollFlags::OUT;
    }
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(socket, flags)], Some(&now))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}
