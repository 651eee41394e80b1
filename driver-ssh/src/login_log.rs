//! What peers show of themselves on the way in, for people who want to know why a login went as it
//! did.

use std::sync::Arc;

use parking_lot::Mutex;
use pool_core::Endpoint;
use ssh2::{MethodType, Session};

use crate::known_hosts::KnownKey;
use crate::server::ServerTexts;

/// How many peers are kept: a device and its jump host are two, and nobody reads hundreds.
const PEERS_MAX: usize = 64;

/// A record of logins: whom sessions have met, and what was agreed on with them. Clones share it.
///
/// Given to [`SshSettings::login_log`](crate::SshSettings::login_log), it grows by one entry for
/// each peer that was connected to, however its login ended, up to 64. It holds no secrets.
#[derive(Clone, Debug, Default)]
pub struct LoginLog(Arc<Mutex<Vec<PeerFacts>>>);

/// What is known of one peer once its login has ended, in whatever way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerFacts {
    /// The device, or the jump host.
    pub endpoint: Endpoint,
    /// What it says about itself. Its identification is empty when it did not come so far.
    pub server: ServerTexts,
    /// What was negotiated; absent when the key exchange did not come to an agreement.
    pub algorithms: Option<AgreedAlgorithms>,
    /// The key it has shown, if it has shown one.
    pub host_key: Option<ShownHostKey>,
}

/// The algorithms of a session (RFC 4253, section 7.1). Ciphers such as `aes256-gcm@openssh.com`
/// need no MAC; the names that were agreed on for it are shown all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgreedAlgorithms {
    /// The key exchange.
    pub key_exchange: String,
    /// How the host key signs.
    pub host_key: String,
    /// The cipher of what we send.
    pub cipher_out: String,
    /// The cipher of what we receive.
    pub cipher_in: String,
    /// The MAC of what we send.
    pub mac_out: String,
    /// The MAC of what we receive.
    pub mac_in: String,
}

/// A host key, and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownHostKey {
    /// Its type, such as `ssh-ed25519`.
    pub key_type: String,
    /// `SHA256:` and base64, as OpenSSH prints it.
    pub fingerprint: String,
    /// How it was judged.
    pub verdict: HostKeyVerdict,
}

/// How a host key was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKeyVerdict {
    /// Not at all: the login ended before.
    #[default]
    Unjudged,
    /// It is one of those in `known_hosts`.
    Known,
    /// The host was not known; its key is in `known_hosts` now.
    New,
    /// It is one of those that are pinned for the host.
    Pinned,
    /// It was not looked at, because that is the policy.
    Unchecked,
    /// It was refused. The error of the login says why.
    Refused,
}

impl HostKeyVerdict {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unjudged => "unjudged",
            Self::Known => "known",
            Self::New => "new",
            Self::Pinned => "pinned",
            Self::Unchecked => "unchecked",
            Self::Refused => "refused",
        }
    }
}

impl LoginLog {
    /// A record of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The peers so far, in the order in which their logins ended: a jump host before the device
    /// behind it.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerFacts> {
        self.0.lock().clone()
    }

    pub(crate) fn add(&self, facts: PeerFacts) {
        let mut peers = self.0.lock();
        if peers.len() < PEERS_MAX {
            peers.push(facts);
        }
    }
}

impl PeerFacts {
    /// What `session` knows of the peer at `endpoint`, whose key was judged as `verdict` says.
    /// Without a session it is only that the peer was there.
    pub(crate) fn of(
        endpoint: &Endpoint,
        session: Option<&Session>,
        verdict: HostKeyVerdict,
    ) -> Self {
        let key = session.and_then(Session::host_key);
        let key = key.and_then(|(blob, _)| KnownKey::from_blob(blob));
        Self {
            endpoint: endpoint.clone(),
            server: session.map(ServerTexts::of).unwrap_or_default(),
            algorithms: session.and_then(AgreedAlgorithms::of),
            host_key: key.map(|key| ShownHostKey {
                fingerprint: key.fingerprint(),
                key_type: key.key_type,
                verdict,
            }),
        }
    }
}

impl AgreedAlgorithms {
    fn of(session: &Session) -> Option<Self> {
        let agreed = |method| session.methods(method).map(str::to_owned);
        Some(Self {
            key_exchange: agreed(MethodType::Kex)?,
            host_key: agreed(MethodType::HostKey)?,
            cipher_out: agreed(MethodType::CryptCs)?,
            cipher_in: agreed(MethodType::CryptSc)?,
            mac_out: agreed(MethodType::MacCs).unwrap_or_default(),
            mac_in: agreed(MethodType::MacSc).unwrap_or_default(),
        })
    }
}
