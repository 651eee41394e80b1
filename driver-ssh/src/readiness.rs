use std::io;

use pool_core::{Context, Error, Phase, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
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

/// Whether the peer has ended the connection, and everything it said before that has been read.
pub(crate) fn has_hung_up(socket: &TcpStream) -> bool {
    match recv(socket, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, count)) => count == 0,
        Err(error) => error != Errno::AGAIN && error != Errno::INTR,
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
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let wait = async |timeout| {
            let ctx = Context::detached(Duration::from_millis(timeout));
            wait_ready(&socket, &ctx, Phase::Read, Interest::READABLE).await
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
}
