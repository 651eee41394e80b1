use std::sync::Arc;
use std::time::Duration;

use libssh2_sys as raw;
use pool_core::{ConnectionConfig, Context, Error, ErrorKind, Phase, Result};
use ssh2::{DisconnectCode, ErrorCode, MethodType};
use tokio::time::sleep;
use tracing::debug;

use crate::SshSettings;
use crate::algorithms::{Algorithms, check_algorithms, is_by_curve};
use crate::auth::authenticate;
use crate::connect::connect;
use crate::drive::Place;
use crate::engine::{Engine, Fault};
use crate::error::{busy_text, session_error, shown};
use crate::greeting::Greeting;
use crate::hostkey::{Decision, HostKeyCheck, Judgement};
use crate::peer::Peer;
use crate::session::SshSession;
use crate::socket::Socket;
use crate::tunnel::{self, at_jump_host};

/// How long to leave a `known_hosts` alone that somebody else is writing.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// Connects and logs in: everything up to a session without a channel.
///
/// # Errors
///
/// Whatever stage failed, with its phase.
///
/// # Cancel safety
///
/// Cancel safe: when dropped, the connection is shut down and nothing of it remains.
pub(crate) async fn log_in(
    ctx: &Context,
    settings: &SshSettings,
    config: &ConnectionConfig,
) -> Result<SshSession> {
    let endpoint = &config.endpoint;
    let username = &config.credentials.username;
    let timeout = ctx.remaining();
    debug!(%endpoint, username, ?timeout, "ssh login begins");
    let (ctx, trace) = ctx.traced_within();
    let result = try_log_in(&ctx, settings, config).await;
    settings.tally().login(&trace.spans(), result.as_ref().err());
    let elapsed = timeout.saturating_sub(ctx.remaining());
    match &result {
        Ok(_) => debug!(%endpoint, ?elapsed, "ssh login done"),
        Err(error) => {
            let phase = error.phase().map(Phase::as_str);
            match error.kind() {
                ErrorKind::Cancelled => debug!(%endpoint, ?elapsed, phase, "ssh login cancelled"),
                ErrorKind::DeadlineExceeded => {
                    debug!(%endpoint, ?elapsed, phase, "ssh login timed out");
                }
                kind => debug!(%endpoint, ?elapsed, phase, %kind, %error, "ssh login failed"),
            }
        }
    }
    result
}

async fn try_log_in(
    ctx: &Context,
    settings: &SshSettings,
    config: &ConnectionConfig,
) -> Result<SshSession> {
    let direct = async |peer: &Peer<'_>| {
        let threads = settings.threads();
        connect(ctx, &threads, peer.endpoint, config.half_open_timeout).await
    };
    let peer = Peer::from(config);
    let socket = match &config.jump {
        None => direct(&peer).await?,
        Some(jump) => {
            let bastion = Peer::from(&**jump);
            let session = async { begin(ctx, settings, &bastion, direct(&bastion).await?).await };
            let session = session.await.map_err(|error| at_jump_host(&jump.endpoint, error))?;
            tunnel::open(ctx, session, &jump.endpoint, peer.endpoint).await?
        }
    };
    begin(ctx, settings, &peer, socket).await
}

/// Everything from a connected socket up to a session without a channel.
async fn begin(
    ctx: &Context,
    settings: &SshSettings,
    peer: &Peer<'_>,
    socket: Socket,
) -> Result<SshSession> {
    check_algorithms(peer.algorithm_lists)?;
    let socket = Arc::new(socket);
    let mut session = SshSession::new(socket.clone(), settings.threads())?;
    let check = recall(ctx, &mut session, settings, peer).await?;
    let judgement = shake_hands(ctx, &mut session, socket, check.clone(), peer).await?;
    if let Err(error) = verify(ctx, &mut session, check, judgement).await {
        farewell(ctx, &mut session, DisconnectCode::HostKeyNotVerifiable).await;
        return Err(error);
    }
    let sha1 = Algorithms::new(peer.algorithms, peer.algorithm_lists, &[]).sha1_signatures();
    let verdict = authenticate(ctx, &mut session, peer.credentials, sha1).await;
    if let Err(error) = verdict {
        farewell(ctx, &mut session, DisconnectCode::NoMoreAuthMethodsAvailable).await;
        return Err(error);
    }
    Ok(session)
}

/// What `known_hosts` holds about the peer. It decides which host key is asked for, so it is read
/// first; and in a stretch of its own, because a large file on a slow disk takes its time, for
/// which the peer is not to blame. When the host was looked up a moment ago, the file is left alone.
async fn recall(
    ctx: &Context,
    session: &mut SshSession,
    settings: &SshSettings,
    peer: &Peer<'_>,
) -> Result<HostKeyCheck> {
    let mut check = HostKeyCheck::new(settings, peer);
    ctx.enter(Phase::HostKey);
    if check.recall() {
        return Ok(check);
    }
    let work = move |_: &mut Engine| {
        check.load()?;
        Ok(check.clone())
    };
    session.drive_apart(ctx, Phase::HostKey, work).await
}

/// Banner and key exchange, and the first look at the peer's key.
async fn shake_hands(
    ctx: &Context,
    session: &mut SshSession,
    socket: Arc<Socket>,
    check: HostKeyCheck,
    peer: &Peer<'_>,
) -> Result<Result<Judgement>> {
    let (profile, lists) = (peer.algorithms, peer.algorithm_lists.clone());
    let mut algorithms: Option<Algorithms> = None;
    let mut greeting = Greeting::default();
    let tracer = ctx.clone();
    let work = move |engine: &mut Engine| {
        let algorithms = match &mut algorithms {
            Some(algorithms) => algorithms,
            empty @ None => {
                let algorithms = Algorithms::new(profile, &lists, &check.known_types());
                algorithms.apply(engine.session())?;
                empty.insert(algorithms)
            }
        };
        greeting.peek(&socket);
        if engine.place() == Place::Here && is_slow(engine, &greeting, algorithms) {
            engine.set_slow();
            return Err(Fault::More);
        }
        // Told before the call as well as after it: a peer may keep the call from returning.
        note_progress(engine, &tracer, greeting.has_banner());
        let result = engine.session().handshake();
        let has_banner = engine.session().banner_bytes().is_some_and(|b| b.starts_with(b"SSH-"));
        note_progress(engine, &tracer, has_banner);
        match result.map_err(Fault::from) {
            Ok(()) => {
                if engine.place() == Place::Here {
                    hold_to_key_exchange(engine)?;
                }
                engine.progress.enter(Phase::HostKey);
                // A refusal is no fault, which would end the session: the peer is told why we go.
                Ok(check.judge(engine.session()))
            }
            Err(Fault::Ssh(error)) => {
                let said = handshake_error(&error, engine, &greeting, algorithms);
                Err(said.map_or(Fault::Ssh(error), Fault::Failed))
            }
            Err(fault) => Err(fault),
        }
    };
    session.drive(ctx, Phase::Banner, work).await
}

/// Whether the next step of the handshake may take so much arithmetic that it has to be done apart.
/// Exponents of thousands of bits take up to a second; curves, a fraction of a millisecond.
fn is_slow(engine: &mut Engine, greeting: &Greeting, algorithms: &Algorithms) -> bool {
    match (engine.session().methods(MethodType::Kex), greeting.offer()) {
        (Some(agreed), _) => !is_by_curve(agreed),
        (None, Some(offer)) => !algorithms.key_exchange_with(offer).is_some_and(is_by_curve),
        // An offer that is there and cannot be read may be anything.
        (None, None) => greeting.is_beyond_banner(),
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

fn note_progress(engine: &mut Engine, ctx: &Context, has_banner: bool) {
    if has_banner && engine.progress.phase() == Phase::Banner {
        engine.progress.enter(Phase::KeyExchange);
        ctx.enter(Phase::KeyExchange);
    }
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

/// The last line that libssh2 took for a banner. A peer that is very fast says its line after the
/// last look at the socket, and all of it is within one call.
fn line_in_place_of_banner(engine: &mut Engine) -> Option<String> {
    let line = engine.session().banner_bytes().filter(|line| !line.starts_with(b"SSH-"))?;
    let line = shown(line);
    (!line.is_empty()).then_some(line)
}

/// Sees to it that the peer's key is accepted.
async fn verify(
    ctx: &Context,
    session: &mut SshSession,
    mut check: HostKeyCheck,
    judgement: Result<Judgement>,
) -> Result<()> {
    let shown = match judgement? {
        Judgement::Accepted => return Ok(()),
        Judgement::Open(shown) => shown,
    };
    loop {
        let shown = shown.clone();
        let work = move |_: &mut Engine| {
            let decision = check.decide(&shown);
            Ok((check.clone(), decision))
        };
        let decision;
        (check, decision) = session.drive_apart(ctx, Phase::HostKey, work).await?;
        if decision? == Decision::Accepted {
            return Ok(());
        }
        let pause = async {
            sleep(LOCK_RETRY).await;
            Ok(())
        };
        ctx.run(Phase::HostKey, pause).await?;
    }
}

/// Tells the peer that we go, if it can be told at once, and ends the session.
async fn farewell(ctx: &Context, session: &mut SshSession, code: DisconnectCode) {
    if !session.is_dead() {
        session.say_goodbye(ctx, code).await;
    }
    session.kill();
}
