//! Banner and key exchange.

use std::sync::Arc;
use std::time::Duration;

use libssh2_sys as raw;
use pool_core::{Context, Error, Phase, Result};
use ssh2::{ErrorCode, MethodType};
use tokio::time::Instant;

use crate::algorithms::{Algorithms, is_by_curve};
use crate::drive::Place;
use crate::engine::{Engine, Fault};
use crate::error::{busy_text, session_error, shown};
use crate::greeting::Greeting;
use crate::hostkey::{HostKeyCheck, Judgement};
use crate::readiness::Seen;
use crate::session::SshSession;
use crate::socket::Socket;

/// How long a peer that has sent its banner may take to send its offer of algorithms. Nearly all
/// send it unasked. One that waits for ours gets it after that.
const OFFER_WAIT: Duration = Duration::from_millis(100);

/// Banner and key exchange, and what the peer's key is by what `check` knows.
///
/// # Errors
///
/// As [`SshSession::drive`].
///
/// # Cancel safety
///
/// As [`SshSession::drive`].
pub(crate) async fn shake_hands(
    ctx: &Context,
    session: &mut SshSession,
    check: HostKeyCheck,
    algorithms: Arc<Algorithms>,
) -> Result<Result<Judgement>> {
    let (socket, ours) = (session.socket().clone(), algorithms.clone());
    let introduction = move |engine: &mut Engine| introduce(engine, &socket, &ours);
    session.drive(ctx, Phase::Banner, introduction).await?;
    let mut greeting = hear(ctx, session).await?;
    let phase = if greeting.has_banner() { Phase::KeyExchange } else { Phase::Banner };
    let (socket, tracer) = (session.socket().clone(), ctx.clone());
    let work = move |engine: &mut Engine| {
        // A peer that is slow, or waits for ours, sends it only now.
        greeting.look_for_offer(&socket);
        if engine.place() == Place::Here && is_slow(engine, &greeting, &algorithms) {
            engine.set_slow();
            return Err(Fault::More);
        }
        let result = engine.session().handshake();
        let has_banner = engine.session().banner_bytes().is_some_and(|b| b.starts_with(b"SSH-"));
        if has_banner && engine.progress.phase() == Phase::Banner {
            // At once: whoever waits reads it when the next call does not return.
            engine.progress.enter(Phase::KeyExchange);
            tracer.enter(Phase::KeyExchange);
        }
        match result.map_err(Fault::from) {
            Ok(()) => {
                hold_to_key_exchange(engine)?;
                engine.progress.enter(Phase::HostKey);
                // A refusal is no fault, which would end the session: the peer is told why we go.
                Ok(check.judge(engine.session()))
            }
            Err(Fault::Ssh(error)) => {
                let said = handshake_error(&error, engine, &greeting, &algorithms);
                Err(said.map_or(Fault::Ssh(error), Fault::Failed))
            }
            Err(fault) => Err(fault),
        }
    };
    session.drive(ctx, phase, work).await
}

/// Has libssh2 send our banner, and not read what has come in: that is to be looked at first.
fn introduce(engine: &mut Engine, socket: &Socket, algorithms: &Algorithms) -> Result<(), Fault> {
    algorithms.apply(engine.session())?;
    let begun = engine.session().handshake().map_err(Fault::from);
    socket.open_valve();
    match begun {
        Ok(()) | Err(Fault::Again) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Waits for the peer's banner and its offer of algorithms, and leaves both in the socket. libssh2
/// keeps neither a device's reason for hanging up nor what it offered, and what it is going to
/// compute follows from the offer.
async fn hear(ctx: &Context, session: &mut SshSession) -> Result<Greeting> {
    let socket = session.socket().clone();
    let (mut greeting, mut offer_by) = (Greeting::default(), None);
    loop {
        let mut limits = ctx.clone();
        let mut phase = Phase::Banner;
        if let Some(by) = offer_by {
            limits = ctx.capped(by - Instant::now());
            phase = Phase::KeyExchange;
        }
        // Nothing has come in before there is news: the socket is looked at once for each.
        match session.until_news(&limits, phase).await {
            Ok(true) => {}
            // There will not be more.
            Ok(false) => return Ok(Greeting::peek(&socket)),
            Err(error) => {
                ctx.check(phase)?;
                if limits.deadline() == ctx.deadline() {
                    return Err(error);
                }
                return Ok(greeting);
            }
        }
        greeting = socket.read_by(|| {
            let greeting = Greeting::peek(&socket);
            let seen = if greeting.may_go_on() { Seen::All } else { Seen::Some };
            (greeting, seen)
        });
        if greeting.has_banner() {
            offer_by.get_or_insert_with(|| Instant::now() + OFFER_WAIT);
            ctx.enter(Phase::KeyExchange);
        }
        if !greeting.may_go_on() {
            return Ok(greeting);
        }
    }
}

/// Whether the next step of the handshake may take so much arithmetic that it has to be done apart:
/// exponents of thousands of bits take up to a second; curves, a fraction of a millisecond. Nor is
/// anything done here for a peer that is not seen to keep to the protocol.
fn is_slow(engine: &mut Engine, greeting: &Greeting, algorithms: &Algorithms) -> bool {
    match (engine.session().methods(MethodType::Kex), greeting.offer()) {
        (Some(agreed), _) => !is_by_curve(agreed),
        (None, Some(offer)) => !algorithms.key_exchange_with(offer).is_some_and(is_by_curve),
        (None, None) => true,
    }
}

/// Has the session offer nothing but the key exchange that was agreed upon, should keys be
/// exchanged again: a peer must not change over to one that takes long.
fn hold_to_key_exchange(engine: &mut Engine) -> Result<(), Fault> {
    let session = engine.session();
    let agreed = session.methods(MethodType::Kex).filter(|agreed| is_by_curve(agreed));
    if let Some(agreed) = agreed.map(str::to_owned) {
        session.method_pref(MethodType::Kex, &agreed)?;
    }
    Ok(())
}

/// What a failed handshake means, if the peer has said something about it.
fn handshake_error(
    error: &ssh2::Error,
    engine: &mut Engine,
    greeting: &Greeting,
    algorithms: &Algorithms,
) -> Option<Error> {
    let phase = engine.progress.phase();
    if phase == Phase::Banner
        && let Some(text) = greeting.text().or_else(|| line_in_place_of_banner(engine))
    {
        return busy_text(phase, &text).or_else(|| match session_error(error, phase) {
            Error::Disconnected { .. } => Some(Error::Disconnected { phase, message: text }),
            _ => Some(Error::Protocol { phase, message: format!("no SSH banner, but {text:?}") }),
        });
    }
    if error.code() == ErrorCode::Session(raw::LIBSSH2_ERROR_KEX_FAILURE)
        && let Some(offer) = greeting.offer()
    {
        let gaps = algorithms.gaps(offer);
        if !gaps.is_empty() {
            return Some(Error::Protocol { phase, message: gaps });
        }
    }
    None
}

/// The last line that libssh2 took for a banner.
fn line_in_place_of_banner(engine: &mut Engine) -> Option<String> {
    let line = engine.session().banner_bytes().filter(|line| !line.starts_with(b"SSH-"))?;
    let line = shown(line);
    (!line.is_empty()).then_some(line)
}
