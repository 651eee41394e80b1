//! Logging in, by the methods that the credentials allow and the peer offers.

mod agent;
mod handover;
mod key;
mod password;
mod reply;

use pool_core::{AuthMethod, Context, Credentials, Error, Phase, Result};

pub(crate) use self::handover::StandIn;
pub(crate) use self::key::Sha1Signatures;
use self::key::by_public_key;
use self::password::{by_password, by_questions};
use self::reply::Reply;
use crate::engine::{Engine, Fault};
use crate::error::shown;
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
    session: &mut SshSession,
    credentials: &Credentials,
    sha1: Sha1Signatures,
) -> Result<()> {
    let Some(offered) = ask_for_methods(ctx, session, credentials).await? else {
        return Ok(());
    };
    let mut attempts = Attempts { offered, ..Attempts::default() };
    let mut left = credentials.auth_order.clone();
    left.retain(|&method| is_possible(credentials, method));
    while let Some(index) = left.iter().position(|&method| attempts.may_try(method)) {
        let method = left.remove(index);
        let reply = try_method(ctx, session, credentials, method, sha1).await?;
        let is_proven = matches!(reply, Reply::Proven);
        let is_tried = !matches!(reply, Reply::Unusable(_));
        if attempts.note(method, reply) {
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

/// What has been tried so far, and what came of it.
#[derive(Debug, Default)]
struct Attempts {
    offered: String,
    tried: Vec<String>,
    password_refused: bool,
    unusable: Vec<String>,
}

impl Attempts {
    fn may_try(&self, method: AuthMethod) -> bool {
        self.is_offered(method) && !(self.password_refused && is_by_password(method))
    }

    fn is_offered(&self, method: AuthMethod) -> bool {
        let name = match method {
            AuthMethod::Agent | AuthMethod::PublicKey => "publickey",
            AuthMethod::Password => "password",
            AuthMethod::KeyboardInteractive => "keyboard-interactive",
        };
        self.offered.split(',').any(|offered| offered.trim() == name)
    }

    /// Notes what the peer offers after the latest attempt. Something else than before means that
    /// the attempt has brought us a step further.
    fn note_offer(&mut self, offered: String) {
        if offered == self.offered {
            return;
        }
        self.offered = offered;
        self.password_refused = false;
        if let Some(latest) = self.tried.last_mut() {
            latest.push_str(" (accepted, but more is required)");
        }
    }

    /// Notes how `method` ended; returns whether we are in.
    fn note(&mut self, method: AuthMethod, reply: Reply) -> bool {
        let name = method.as_str();
        match reply {
            Reply::Accepted => return true,
            Reply::Unusable(detail) => {
                self.unusable.push(detail);
                return false;
            }
            Reply::Refused("") | Reply::Proven => self.tried.push(name.to_owned()),
            Reply::Refused(detail) => self.tried.push(format!("{name} ({detail})")),
        }
        self.password_refused |= is_by_password(method);
        false
    }

    fn into_error(self, username: &str) -> Error {
        if self.tried.is_empty() && !self.unusable.is_empty() {
            let message = self.unusable.join("; ");
            return Error::Local { phase: Phase::Authentication, message };
        }
        let tried =
            if self.tried.is_empty() { "nothing".to_owned() } else { self.tried.join(", ") };
        let offered = shown(self.offered.as_bytes());
        let mut message = format!("tried {tried}; the device offers {offered}");
        for detail in self.unusable {
            message.push_str("; ");
            message.push_str(&detail);
        }
        Error::Authentication { username: username.to_owned(), message }
    }
}

fn is_by_password(method: AuthMethod) -> bool {
    matches!(method, AuthMethod::Password | AuthMethod::KeyboardInteractive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(offered: &str) -> Attempts {
        Attempts { offered: offered.to_owned(), ..Attempts::default() }
    }

    #[test]
    fn a_refused_password_is_spent_for_both_of_its_methods() {
        let mut attempts = attempts("password, keyboard-interactive,publickey");
        assert!(attempts.may_try(AuthMethod::KeyboardInteractive));
        assert!(!attempts.note(AuthMethod::Password, Reply::Refused("")));
        assert!(!attempts.may_try(AuthMethod::KeyboardInteractive));
        assert!(attempts.may_try(AuthMethod::Agent));
    }

    #[test]
    fn another_offer_means_that_the_latest_attempt_was_a_step() {
        let mut attempts = attempts("password");
        attempts.note(AuthMethod::Password, Reply::Refused(""));
        attempts.note_offer("password".to_owned());
        assert!(!attempts.may_try(AuthMethod::KeyboardInteractive));
        attempts.note_offer("keyboard-interactive".to_owned());
        assert!(attempts.may_try(AuthMethod::KeyboardInteractive));
        let text = attempts.into_error("u").to_string();
        assert!(text.contains("tried password (accepted, but more is required);"), "{text}");
    }

    #[test]
    fn what_is_ours_and_what_is_the_peers_are_told_apart() {
        let mut ours = attempts("publickey");
        ours.note(AuthMethod::Agent, Reply::Unusable("no agent".to_owned()));
        assert!(matches!(ours.into_error("u"), Error::Local { .. }));

        let mut both = attempts("publickey,hostbased");
        both.note(AuthMethod::Agent, Reply::Unusable("no agent".to_owned()));
        both.note(AuthMethod::PublicKey, Reply::Refused(""));
        let text = both.into_error("u").to_string();
        let expected = "tried publickey; the device offers publickey,hostbased; no agent";
        assert!(text.ends_with(expected), "{text}");
    }
}
