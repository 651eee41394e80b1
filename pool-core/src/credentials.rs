use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// A text that must not be seen: `Debug` prints `***`, there is no `Display`, and the memory is
/// wiped on drop.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret. The caller's own copies are the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself. Whoever calls this keeps it out of logs, errors and transcripts.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the secret is the empty text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Where a private key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateKeySource {
    /// A file, in OpenSSH or PEM format, read at each login so that a replaced key is picked up.
    File(PathBuf),
    /// The text of such a file.
    Memory(Secret),
}

/// A private key to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey {
    /// Where the key comes from.
    pub source: PrivateKeySource,
    /// What it is encrypted with, if it is.
    pub passphrase: Option<Secret>,
}

/// Where an SSH agent listens that holds keys to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentSocket {
    /// Where the environment variable `SSH_AUTH_SOCK` says, looked up at each login.
    Environment,
    /// At this path.
    Path(PathBuf),
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// A key that an agent holds; `publickey` to the device (RFC 4252, section 7).
    Agent,
    /// The private key; `publickey` to the device (RFC 4252, section 7).
    PublicKey,
    /// The password as such (RFC 4252, section 8).
    Password,
    /// The password as the answer to the device's question (RFC 4256).
    KeyboardInteractive,
}

impl AuthMethod {
    /// Every method, in the order in which they are tried unless configured otherwise: what
    /// cannot be guessed first, what locks accounts last.
    pub const DEFAULT_ORDER: [Self; 4] =
        [Self::PublicKey, Self::Agent, Self::Password, Self::KeyboardInteractive];

    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::PublicKey => "publickey",
            Self::Password => "password",
            Self::KeyboardInteractive => "keyboard-interactive",
        }
    }
}

/// Who logs in, and how. No secret in it is ever printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// For the `password` and `keyboard-interactive` methods.
    pub password: Option<Secret>,
    /// For the `publickey` method.
    pub private_key: Option<PrivateKey>,
    /// For the `publickey` method, with keys that never leave the agent.
    pub agent: Option<AgentSocket>,
    /// The methods that may be tried, in this order. A method for which nothing is given here, or
    /// that the device does not offer, is passed over. Default: all of them.
    pub auth_order: Vec<AuthMethod>,
    /// What the device asks for on the way to its privileged level; some ask for none.
    pub enable_password: Option<Secret>,
}

impl Default for Credentials {
    /// Nobody, who may try every method.
    fn default() -> Self {
        Self {
            username: String::new(),
            password: None,
            private_key: None,
            agent: None,
            auth_order: AuthMethod::DEFAULT_ORDER.to_vec(),
            enable_password: None,
        }
    }
}

impl Credentials {
    /// A user name and a password.
    pub fn password(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: Some(password.into()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let mut credentials = Credentials::password("monitor", "hunter2".to_owned());
        credentials.enable_password = Some(Secret::new("hunter3"));
        credentials.private_key = Some(PrivateKey {
            source: PrivateKeySource::Memory(Secret::new("hunter4")),
            passphrase: Some(Secret::new("hunter5")),
        });
        let shown = format!("{credentials:#?}");
        assert!(shown.contains("monitor") && shown.contains("***"));
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
