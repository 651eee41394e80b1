use std::collections::BTreeMap;
use std::fmt;

use crate::{Fault, Manner, Ping, Sickness, Stage};

/// The user whom every router knows unless its spec says otherwise.
pub const DEFAULT_USER: &str = "monitor";

/// The password of [`DEFAULT_USER`].
pub const DEFAULT_PASSWORD: &str = "lab-password";

/// Lines of the answer to `show running-config` and its like, unless the spec says otherwise.
pub const DEFAULT_SHOW_LINES: usize = 60;

/// The kind of a router's host key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyKind {
    /// Ed25519, derived from the router's name.
    #[default]
    Ed25519,
    /// RSA of 2048 bits, the same key for all routers of this kind.
    Rsa,
}

/// What a simulated router is like.
#[derive(Clone, Debug)]
pub struct RouterSpec {
    pub(crate) name: String,
    pub(crate) platform: String,
    pub(crate) login: Login,
    pub(crate) host_key: HostKeyKind,
    pub(crate) fault: Option<Fault>,
    pub(crate) sickness: Option<Sickness>,
    pub(crate) sessions_max: Option<usize>,
    pub(crate) ping: Ping,
    pub(crate) targets: BTreeMap<String, Ping>,
    pub(crate) vrfs: Vec<String>,
    pub(crate) banner: Option<String>,
    pub(crate) questions: Vec<String>,
    pub(crate) auth_banner: Option<String>,
    pub(crate) shows: BTreeMap<String, String>,
    pub(crate) show_lines: usize,
    pub(crate) syslog_after_prompt: bool,
    pub(crate) cursor_echo: bool,
    pub(crate) exec_once: bool,
    pub(crate) forwards: bool,
}

/// Who may log in, and how.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) keyboard_interactive: bool,
    pub(crate) code: Option<String>,
    pub(crate) public_keys: Vec<String>,
    pub(crate) enable_password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl RouterSpec {
    /// A healthy router of this name and platform; see [`platforms`](crate::platforms).
    pub fn new(name: impl Into<String>, platform: &str) -> Self {
        Self {
            name: name.into(),
            platform: platform.to_owned(),
            login: Login {
                user: DEFAULT_USER.to_owned(),
                password: Some(DEFAULT_PASSWORD.to_owned()),
                keyboard_interactive: false,
                code: None,
                public_keys: Vec::new(),
                enable_password: None,
            },
            host_key: HostKeyKind::default(),
            fault: None,
            sickness: None,
            sessions_max: None,
            ping: Ping::default(),
            targets: BTreeMap::new(),
            vrfs: vec!["management".to_owned(), "MGMT".to_owned()],
            banner: None,
            questions: Vec::new(),
            auth_banner: None,
            shows: BTreeMap::new(),
            show_lines: DEFAULT_SHOW_LINES,
            syslog_after_prompt: false,
            cursor_echo: false,
            exec_once: false,
            forwards: false,
        }
    }

    /// The name: also the host name in the prompt.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The platform's name, as it was given.
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// The fault from the start, if any.
    pub fn initial_fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Who may log in by password instead of [`DEFAULT_USER`].
    #[must_use]
    pub fn password(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login.user = user.into();
        self.login.password = Some(password.into());
        self
    }

    /// Nobody may log in by password, only by public key.
    #[must_use]
    pub fn without_password(mut self) -> Self {
        self.login.password = None;
        self
    }

    /// Whether the password is asked for by keyboard-interactive, and then by that alone.
    #[must_use]
    pub fn keyboard_interactive(mut self, on: bool) -> Self {
        self.login.keyboard_interactive = on;
        self
    }

    /// Keyboard-interactive asks two questions: the password and this code.
    #[must_use]
    pub fn verification_code(mut self, code: impl Into<String>) -> Self {
        self.login.keyboard_interactive = true;
        self.login.code = Some(code.into());
        self
    }

    /// A public key that may log in, as a line of OpenSSH's `authorized_keys`.
    #[must_use]
    pub fn public_key(mut self, openssh_line: impl Into<String>) -> Self {
        self.login.public_keys.push(openssh_line.into());
        self
    }

    /// The kind of the host key.
    #[must_use]
    pub fn host_key(mut self, kind: HostKeyKind) -> Self {
        self.host_key = kind;
        self
    }

    /// What is wrong from the start.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// What is wrong for good, by stage and manner. One that floods at authentication asks its
    /// questions by keyboard-interactive, and offers nothing else.
    #[must_use]
    pub fn sick(mut self, sickness: Sickness) -> Self {
        self.sickness = Some(sickness);
        let asks = Sickness { stage: Stage::Authentication, manner: Manner::Flood };
        self.login.keyboard_interactive |= sickness == asks;
        self
    }

    /// How many sessions (channels) may be open at a time; the next one is refused.
    #[must_use]
    pub fn sessions_max(mut self, sessions_max: usize) -> Self {
        self.sessions_max = Some(sessions_max);
        self
    }

    /// How targets answer that have no [`RouterSpec::target`] of their own, except those of
    /// 203.0.113.0/24 and 2001:db8:dead::/48, which never answer.
    #[must_use]
    pub fn ping(mut self, ping: Ping) -> Self {
        self.ping = ping;
        self
    }

    /// How this target answers; a name becomes resolvable by it.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>, ping: Ping) -> Self {
        self.targets.insert(target.into(), ping);
        self
    }

    /// A VRF (VPN instance) that the router knows beside `management` and `MGMT`.
    #[must_use]
    pub fn vrf(mut self, name: impl Into<String>) -> Self {
        self.vrfs.push(name.into());
        self
    }

    /// The text after login instead of the platform's own; lines are ended by `\n`.
    #[must_use]
    pub fn banner(mut self, text: impl Into<String>) -> Self {
        self.banner = Some(text.into());
        self
    }

    /// A question that a shell asks before its first prompt, such as `Change now? [Y/N]:`. Any
    /// line answers it.
    #[must_use]
    pub fn question(mut self, question: impl Into<String>) -> Self {
        self.questions.push(question.into());
        self
    }

    /// The password of `enable`, on platforms that have that. A shell then begins at the user
    /// level, whose prompt ends in `>`.
    #[must_use]
    pub fn enable_password(mut self, password: impl Into<String>) -> Self {
        self.login.enable_password = Some(password.into());
        self
    }

    /// A text that SSH shows before authentication.
    #[must_use]
    pub fn auth_banner(mut self, text: impl Into<String>) -> Self {
        self.auth_banner = Some(text.into());
        self
    }

    /// The answer to one more command; lines are ended by `\n`.
    #[must_use]
    pub fn show(mut self, command: impl Into<String>, output: impl Into<String>) -> Self {
        self.shows.insert(command.into(), output.into());
        self
    }

    /// How many lines `show running-config` (or its like) has.
    #[must_use]
    pub fn show_lines(mut self, lines: usize) -> Self {
        self.show_lines = lines;
        self
    }

    /// Whether a line of the system log lands behind the prompt after each ping, as on Comware,
    /// until the session says `undo terminal monitor` or the like.
    #[must_use]
    pub fn syslog_after_prompt(mut self, on: bool) -> Self {
        self.syslog_after_prompt = on;
        self
    }

    /// Whether each echoed character is followed by a blank and a cursor movement back over it,
    /// as on VRP.
    #[must_use]
    pub fn cursor_echo(mut self, on: bool) -> Self {
        self.cursor_echo = on;
        self
    }

    /// Whether the router hangs up after one executed command, as IOS does.
    #[must_use]
    pub fn exec_once(mut self, on: bool) -> Self {
        self.exec_once = on;
        self
    }

    /// Whether others can be reached through it (`direct-tcpip`), as through a bastion.
    #[must_use]
    pub fn forwards(mut self, on: bool) -> Self {
        self.forwards = on;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let spec = RouterSpec::new("r1", "linux")
            .password("ann", "first-secret")
            .verification_code("second-secret")
            .enable_password("third-secret");
        let shown = format!("{spec:?}");
        assert!(shown.contains("ann") && !shown.contains("secret"), "{shown}");
    }
}
