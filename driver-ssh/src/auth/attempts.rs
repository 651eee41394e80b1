use pool_core::{AuthMethod, Error, Phase};

use super::reply::Reply;
use crate::error::shown;

/// What has been tried so far, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    offered: String,
    tried: Vec<String>,
    password_refused: bool,
    unusable: Vec<String>,
}

impl Attempts {
    /// Nothing so far, at a peer that offers so much.
    pub(super) fn at(offered: String) -> Self {
        Self { offered, ..Self::default() }
    }

    pub(super) fn may_try(&self, method: AuthMethod) -> bool {
        self.is_offered(method) && !(self.password_refused && is_by_password(method))
    }

    pub(super) fn is_offered(&self, method: AuthMethod) -> bool {
        let name = match method {
            AuthMethod::Agent | AuthMethod::PublicKey => "publickey",
            AuthMethod::Password => "password",
            AuthMethod::KeyboardInteractive => "keyboard-interactive",
        };
        self.offered.split(',').any(|offered| offered.trim() == name)
    }

    /// Notes what the peer offers after the latest attempt. Something else than before means that
    /// the attempt has brought us a step further.
    pub(super) fn note_offer(&mut self, offered: String) {
        if offered == self.offered {
            return;
        }
        self.offered = offered;
        self.password_refused = false;
        if let Some(latest) = self.tried.last_mut() {
            latest.push_str(" (accepted, but more is required)");
        }
    }

    /// Whether nothing has been tried so far.
    pub(super) fn is_first(&self) -> bool {
        self.tried.is_empty() && self.unusable.is_empty()
    }

    /// Notes how `method` ended, which was tried before the peer was asked. If the peer does not
    /// offer it any more, it has not looked at the password.
    pub(super) fn note_unasked(&mut self, method: AuthMethod, reply: Reply) {
        if self.is_offered(method) {
            self.note(method, reply);
        } else {
            self.tried.push(format!("{} (which it offered before)", method.as_str()));
        }
    }

    /// Notes how `method` ended; returns whether we are in.
    pub(super) fn note(&mut self, method: AuthMethod, reply: Reply) -> bool {
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

    pub(super) fn into_error(self, username: &str) -> Error {
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

pub(super) fn is_by_password(method: AuthMethod) -> bool {
    matches!(method, AuthMethod::Password | AuthMethod::KeyboardInteractive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(offered: &str) -> Attempts {
        Attempts::at(offered.to_owned())
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
