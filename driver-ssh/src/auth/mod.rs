//! Logging in, by the methods that the credentials allow and the peer offers.

mod agent;
mod handover;
mod key;
mod password;
mod reply;

use pool_core::{AuthMethod, Context, Credentials, Error, Phase, Result};

pub(crate) use self::handover::StandIn;
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
) -> Result<()> {
    let username = credentials.username.clone();
    let query = move |engine: &mut Engine| offered_methods(engine, &username);
    let Some(offered) = session.drive(ctx, Phase::Authentication, query).await? else {
        return Ok(());
    };
    let mut attempts = Attempts { offered, ..Attempts::default() };
    for &method in &credentials.auth_order {
        if !attempts.may_try(method) {
            continue;
        }
        if let Some(reply) = try_method(ctx, session, credentials, method).await?
            && attempts.note(method, reply)
        {
            return Ok(());
        }
    }
    Err(attempts.into_error(&credentials.username))
}

/// Tries one method, if there is anything to try it with.
async fn try_method(
    ctx: &Context,
    session: &mut SshSession,
    credentials: &Credentials,
    method: AuthMethod,
) -> Result<Option<Reply>> {
    const PHASE: Phase = Phase::Authentication;
    let username = credentials.username.clone();
    let (key, password) = (credentials.private_key.clone(), credentials.password.clone());
    let reply = match (method, key, password) {
        (AuthMethod::PublicKey, Some(key), _) => {
            session.drive(ctx, PHASE, by_public_key(username, key)).await?
        }
        (AuthMethod::Password, _, Some(password)) => {
            session.drive(ctx, PHASE, by_password(username, password)).await?
        }
        (AuthMethod::KeyboardInteractive, _, Some(password)) => {
            session.drive(ctx, PHASE, by_questions(username, password)).await?
        }
        (AuthMethod::Agent, ..) => match &credentials.agent {
            Some(socket) => agent::log_in(ctx, session, &username, socket).await?,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(reply))
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
        let is_offered = |name: &str| self.offered.split(',').any(|o| o.trim() == name);
        match method {
            AuthMethod::Agent | AuthMethod::PublicKey => is_offered("publickey"),
            AuthMethod::Password => is_offered("password") && !self.password_refused,
            AuthMethod::KeyboardInteractive => {
                is_offered("keyboard-interactive") && !self.password_refused
            }
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
            Reply::Refused("") => self.tried.push(name.to_owned()),
            Reply::Refused(detail) => self.tried.push(format!("{name} ({detail})")),
        }
        self.password_refused |=
            matches!(method, AuthMethod::Password | AuthMethod::KeyboardInteractive);
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
