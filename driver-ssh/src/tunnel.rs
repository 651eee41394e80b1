//! The way through a jump host: a channel of one session carries the bytes of another.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pool_core::{Context, Endpoint, Error, ErrorKind, Phase, Result};
use ssh2::DisconnectCode;
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::drive::Place;
use crate::engine::{Engine, Fault};
use crate::error::session_error;
use crate::flow::{Flow, Moved};
use crate::session::SshSession;
use crate::socket::Socket;

/// How long bytes may wait for a thread. When threads are that scarce, nothing works any more.
const THREAD_WAIT: Duration = Duration::from_secs(60);

/// What is known about a tunnel beyond our end of it. Clones know the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tunnel(Arc<Mutex<Option<Error>>>);

impl Tunnel {
    /// Why the tunnel broke, if it has, and if that was at the jump host.
    pub(crate) fn broken(&self) -> Option<Error> {
        self.0.lock().clone()
    }
}

/// Has the jump host, to which `session` is logged in, connect to `target`, and returns our end.
///
/// The session with the jump host belongs to the tunnel from then on, and ends with it. Its bytes
/// are moved by a task that waits for both ends in the reactor; no thread waits for either.
///
/// # Errors
///
/// `JumpHost` when the jump host fails or refuses, `Connect` when it cannot reach the target.
///
/// # Cancel safety
///
/// Cancel safe: when dropped, the session ends and nothing of it remains.
pub(crate) async fn open(
    ctx: &Context,
    mut session: SshSession,
    jump: &Endpoint,
    target: &Endpoint,
) -> Result<Socket> {
    let (host, port) = (target.host().to_owned(), target.port());
    let work =
        move |engine: &mut Engine| match engine.session().channel_direct_tcpip(&host, port, None) {
            Ok(channel) => {
                engine.set_channel(channel);
                Ok(None)
            }
            Err(error) => match Fault::from(error) {
                Fault::Ssh(error) => Ok(Some(error)),
                fault => Err(fault),
            },
        };
    match session.drive(ctx, Phase::Connect, work).await {
        Ok(None) => {}
        Ok(Some(error)) => {
            session.say_goodbye(ctx, DisconnectCode::ByApplication).await;
            return Err(refused(&error, jump, target));
        }
        Err(error) => return Err(at_jump_host(jump, error)),
    }
    let local = |error: io::Error| Error::Local {
        phase: Phase::Connect,
        message: format!("no sockets for a tunnel: {error}"),
    };
    let tunnel = Tunnel::default();
    let (near, far, flow) = ends().map_err(local)?;
    let far = Socket::tunnelled(far, tunnel.clone()).map_err(local)?;
    // libssh2 has no part in it.
    far.open_valve();
    let near = Socket::tunnelled(near, tunnel.clone()).map_err(local)?;
    tokio::spawn(carry(session, far, flow, tunnel, jump.clone()));
    Ok(near)
}

/// Our end, the other one to be waited for, and the same one to be read and written.
fn ends() -> io::Result<(UnixStream, UnixStream, Flow)> {
    let (near, far) = UnixStream::pair()?;
    let far = far.into_std()?;
    let waited_for = UnixStream::from_std(far.try_clone()?)?;
    Ok((near, waited_for, Flow::new(far)))
}

/// Carries bytes until either end is gone, and ends the session with the jump host.
async fn carry(mut session: SshSession, far: Socket, flow: Flow, tunnel: Tunnel, jump: Endpoint) {
    if let Err(error) = pump(&mut session, &far, flow).await {
        *tunnel.0.lock() = Some(at_jump_host(&jump, error));
    }
    // Only now that the reason is known is the other end told.
    drop(far);
    let ctx = Context::detached(THREAD_WAIT);
    session.say_goodbye(&ctx, DisconnectCode::ByApplication).await;
}

async fn pump(session: &mut SshSession, far: &Socket, mut flow: Flow) -> Result<()> {
    let mut place = Place::Here;
    loop {
        let ctx = Context::detached(THREAD_WAIT);
        let mut waiting = Some(flow);
        let work = move |engine: &mut Engine| {
            let mut flow = waiting.take().expect("this work never asks to be repeated");
            let moved = flow.advance(engine)?;
            Ok((flow, moved))
        };
        let (back, moved) = session.drive_at(place, &ctx, Phase::Read, None, work).await?;
        flow = back;
        let (session_is, socket_is) = match moved {
            Moved::Ended => return Ok(()),
            Moved::More => {
                place = Place::Apart;
                continue;
            }
            Moved::Idle { session, socket } => (session, socket),
        };
        place = Place::Here;
        let ready = tokio::select! {
            ready = until(session.socket().as_ref(), session_is) => ready,
            ready = until(far, socket_is) => ready,
        };
        ready.map_err(|error| Error::Local { phase: Phase::Read, message: error.to_string() })?;
    }
}

/// Waits until `socket` is what it has to be, or for ever if it does not matter.
async fn until(socket: &Socket, interest: Option<Interest>) -> io::Result<()> {
    match interest {
        Some(interest) => socket.until(interest).await,
        None => std::future::pending().await,
    }
}

/// `error`, as one of the jump host. That somebody has lost interest is nobody's error.
pub(crate) fn at_jump_host(jump: &Endpoint, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Cancelled => error,
        _ => Error::JumpHost { host: jump.to_string(), cause: Box::new(error) },
    }
}

/// Why the jump host did not open a way to `target`. libssh2 tells the reasons of RFC 4254,
/// section 5.1, in words only.
fn refused(error: &ssh2::Error, jump: &Endpoint, target: &Endpoint) -> Error {
    let message = error.message();
    if message.contains("connect failed") {
        let told = format!("the jump host {jump} cannot connect to it");
        let source = Arc::new(io::Error::new(io::ErrorKind::NotConnected, told));
        return Error::Connect { address: target.to_string(), source };
    }
    let cause = if message.contains("prohibited") || message.contains("unknown channel type") {
        Error::Unsupported { what: format!("forwarding to {target}: {message}") }
    } else {
        session_error(error, Phase::Connect)
    };
    at_jump_host(jump, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_of_a_refusal_are_told_apart() {
        let jump = Endpoint::new("192.0.2.9", 22).unwrap();
        let target = Endpoint::new("192.0.2.1", 22).unwrap();
        let check = |message: &'static str| {
            let code = ssh2::ErrorCode::Session(libssh2_sys::LIBSSH2_ERROR_CHANNEL_FAILURE);
            refused(&ssh2::Error::new(code, message), &jump, &target)
        };
        let unreachable = check("Channel open failure (connect failed)");
        assert_eq!((unreachable.kind(), unreachable.jump_host()), (ErrorKind::Connect, None));
        let prohibited = check("Channel open failure (administratively prohibited)");
        assert_eq!(prohibited.kind(), ErrorKind::Unsupported);
        assert_eq!(prohibited.jump_host(), Some("192.0.2.9:22"));
        let full = check("Channel open failure (resource shortage)");
        assert_eq!(full.kind(), ErrorKind::Busy);
        assert!(full.is_transient() && full.jump_host().is_some());
    }
}
