//! Logging in, by the methods that the credentials allow and the peer offers.

mod agent;
mod attempts;
mod entrance;
mod handover;
mod key;
mod password;
mod reply;

use pool_core::{AuthMethod, Context, Credentials, Phase, Result};

use self::attempts::{Attempts, is_by_password};
pub(crate) use self::entrance::Entrances;
pub(crate) use self::handover::StandIn;
pub(crate) use self::key::Sha1Signatures;
use self::key::by_public_key;
use self::password::{by_password, by_questions};
use self::reply::Reply;
use crate::SshSettings;
use crate::engine::{Engine, Fault};
use crate::peer::Peer;
use crate::session::SshSession;

/// Logs in with whatever the credentials hold and the peer offers, in the order of the
/// credentials.
///
/// A password that was refused is not tried again by another method: devices ask the same
/// server about it, and locking the account takes half as many checks.
///
/// A peer that wants several methods one after another says so by offering others than before
/// (RFC 4252, section 5.1). libssh2 does not tell that from a refusal, so a peer that has not let
/// us in is asked again what it offers whenever that can lead any further.
///
/// A peer that has let us in by its first method a while ago is not asked, unless it does not do so
/// again.
///
/// # Errors
///
/// `Authentication` when the peer refuses; it names the methods tried and those offered. `Local`
/// when the private key or the agent cannot be used and nothing else was left to try.
///
/// # Cancel safety
///
/// Not cancel safe: dropping the future kills the session.
pub(crate) async fn authenticate(
    ctx: &Context,
    settings: &SshSettings,
    session: &mut SshSession,
    peer: &Peer<'_>,
    sha1: Sha1Signatures,
) -> Result<()> {
    let credentials = peer.credentials;
    let mut left = credentials.auth_order.clone();
    left.retain(|&method| is_possible(credentials, method));
    let order = left.clone();
    // Whoever looks into a login wants to see all of it.
    let is_quiet = settings.login_log.is_none();
    let entrance = is_quiet.then(|| settings.entrances().take(peer, &left)).flatten();
    let mut begun = None;
    if let Some(entrance) = entrance {
        let method = entrance.method();
        let reply = try_method(ctx, session, credentials, method, sha1).await?;
        if matches!(reply, Reply::Accepted) {
            settings.entrances().put_back(entrance);
            return Ok(());
        }
        begun = Some((method, reply));
    }
    let Some(offered) = ask_for_methods(ctx, session, credentials).await? else {
        return Ok(());
    };
    let mut attempts = Attempts::at(offered);
    if let Some((method, reply)) = begun {
        attempts.note_unasked(method, reply);
        left.retain(|&left| left != method);
    }
    while let Some(index) = left.iter().position(|&method| attempts.may_try(method)) {
        let method = left.remove(index);
        let reply = try_method(ctx, session, credentials, method, sha1).await?;
        let is_proven = matches!(reply, Reply::Proven);
        let is_tried = !matches!(reply, Reply::Unusable(_));
        let is_first = attempts.is_first();
        if attempts.note(method, reply) {
            if is_first && is_by_password(method) && !session.has_shown_banner() {
                settings.entrances().note(peer, order, method);
            }
            return Ok(());
        }
        let leads_on = left.iter().any(|&method| !attempts.is_offered(method));
        if is_proven || (is_tried && leads_on) {
            match ask_for_methods(ctx, session, credentials).await? {
                Some(offered) => attempts.note_offer(offered),
                None => return Ok(()),
            }
        }
    }
    Err(attempts.into_error(&credentials.username))
}

/// Asks what the peer offers now; `None` when it lets us in.
async fn ask_for_methods(
    ctx: &Context,
    session: &mut SshSession,
    credentials: &Credentials,
) -> Result<Option<String>> {
    let username = credentials.username.clone();
    let query = move |engine: &mut Engine| offered_methods(engine, &username);
    session.drive(ctx, Phase::Authentication, query).await
}

/// Whether there is anything to try `method` with.
fn is_possible(credentials: &Credentials, method: AuthMethod) -> bool {
    match method {
        AuthMethod::Agent => credentials.agent.is_some(),
        AuthMethod::PublicKey => credentials.private_key.is_some(),
        AuthMethod::Password | AuthMethod::KeyboardInteractive => credentials.password.is_some(),
    }
}

/// Tries one method.
async fn try_method(
    ctx: &Context,
    session: &mut SshSession,
    credentials: &Credentials,
    method: AuthMethod,
    sha1: Sha1Signatures,
) -> Result<Reply> {
    const PHASE: Phase = Phase::Authentication;
    let username = credentials.username.clone();
    let (key, password) = (credentials.private_key.clone(), credentials.password.clone());
    match (method, key, password) {
        (AuthMethod::PublicKey, Some(key), _) => {
            // A file of ours, and a key that may be slow to decrypt.
            session.drive_apart(ctx, PHASE, by_public_key(username, key, sha1)).await
        }
        (AuthMethod::Password, _, Some(password)) => {
            session.drive(ctx, PHASE, by_password(username, password)).await
        }
        (AuthMethod::KeyboardInteractive, _, Some(password)) => {
            session.drive(ctx, PHASE, by_questions(username, password)).await
        }
        (AuthMethod::Agent, ..) => match &credentials.agent {
            Some(socket) => agent::log_in(ctx, session, &username, socket, sha1).await,
            None => Ok(Reply::Unusable("no SSH agent is configured".to_owned())),
        },
        _ => Ok(Reply::Unusable(format!("nothing is configured to try {} with", method.as_str()))),
    }
}

/// The methods the peer offers, or `None` when it lets this user in without any.
fn offered_methods(engine: &mut Engine, username: &str) -> Result<Option<String>, Fault> {
    let session = engine.session();
    match session.auth_methods(username) {
        Ok(offered) => Ok(Some(offered.to_owned())),
        // Asking is itself an attempt, and may succeed.
        Err(_) if session.authenticated() => {
            engine.note_server();
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
