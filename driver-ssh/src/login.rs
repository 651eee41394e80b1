use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionConfig, Context, ErrorKind, Phase, Result};
use ssh2::DisconnectCode;
use tokio::time::sleep;
use tracing::debug;

use crate::alarm::Alarm;
use crate::algorithms::{Algorithms, check_algorithms};
use crate::auth::authenticate;
use crate::connect::connect;
use crate::engine::Engine;
use crate::handshake::shake_hands;
use crate::hostkey::{Decision, HostKeyCheck, Judgement};
use crate::peer::Peer;
use crate::session::SshSession;
use crate::socket::Socket;
use crate::tunnel::{self, at_jump_host};
use crate::{HostKeyVerdict, PeerFacts, SshSettings};

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
        let mut alarm = Alarm::new(ctx.deadline());
        let threads = settings.threads();
        let timeout = config.half_open_timeout;
        let socket = connect(ctx, &mut alarm, &threads, peer.endpoint, timeout).await?;
        begin(ctx, settings, peer, socket, alarm).await
    };
    let peer = Peer::from(config);
    let Some(jump) = &config.jump else { return direct(&peer).await };
    // Not a part of what a login without one is made of.
    Box::pin(async {
        let session = direct(&Peer::from(&**jump)).await;
        let session = session.map_err(|error| at_jump_host(&jump.endpoint, error))?;
        let socket = tunnel::open(ctx, session, &jump.endpoint, peer.endpoint).await?;
        begin(ctx, settings, &peer, socket, Alarm::new(ctx.deadline())).await
    })
    .await
}

/// Everything from a connected socket up to a session without a channel.
async fn begin(
    ctx: &Context,
    settings: &SshSettings,
    peer: &Peer<'_>,
    socket: Socket,
    alarm: Alarm,
) -> Result<SshSession> {
    check_algorithms(peer.algorithm_lists)?;
    let mut session = SshSession::new(Arc::new(socket), settings.threads(), alarm)?;
    let mut key = HostKeyVerdict::default();
    let result = enter(ctx, settings, peer, &mut session, &mut key).await;
    if let Some(log) = &settings.login_log {
        log.add(PeerFacts::of(peer.endpoint, session.parked(), key));
    }
    result.map(|()| session)
}

/// Key exchange, host key and authentication. What becomes of the host key is noted in `key`.
async fn enter(
    ctx: &Context,
    settings: &SshSettings,
    peer: &Peer<'_>,
    session: &mut SshSession,
    key: &mut HostKeyVerdict,
) -> Result<()> {
    let check = recall(ctx, session, settings, peer).await?;
    let known = check.known_types();
    let algorithms = Arc::new(Algorithms::new(peer.algorithms, peer.algorithm_lists, &known));
    let sha1 = algorithms.sha1_signatures();
    let judgement = shake_hands(ctx, session, check.clone(), algorithms).await?;
    *key = check.acceptance();
    if let Err(error) = verify(ctx, session, check, judgement).await {
        *key = match error.kind() {
            ErrorKind::HostKey => HostKeyVerdict::Refused,
            _ => HostKeyVerdict::Unjudged,
        };
        farewell(ctx, session, DisconnectCode::HostKeyNotVerifiable).await;
        return Err(error);
    }
    let verdict = authenticate(ctx, settings, session, peer, sha1).await;
    if let Err(error) = verdict {
        farewell(ctx, session, DisconnectCode::NoMoreAuthMethodsAvailable).await;
        return Err(error);
    }
    Ok(())
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
