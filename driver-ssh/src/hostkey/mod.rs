use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use pool_core::{Endpoint, Error, Fingerprint, HostKeyPolicy, HostKeyProblem, Phase};
use ssh2::Session;
use tracing::{info, warn};

use crate::known_hosts::{HostRecord, KnownKey, entry_name};
use crate::peer::Peer;
use crate::store::{HostKeyStore, Remembered};
use crate::{HostKeyVerdict, SshSettings};

/// Hosts that were warned about; more than a process ever talks to.
const WARNED_MAX: usize = 100_000;

/// The hosts whose keys are not checked and for which that has been said once.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashSet<Endpoint>>);

impl Warned {
    fn is_first(&self, endpoint: &Endpoint) -> bool {
        let mut warned = self.0.lock();
        warned.len() < WARNED_MAX && warned.insert(endpoint.clone())
    }
}

/// The decision about one peer's host key.
#[derive(Clone, Debug)]
pub(crate) struct HostKeyCheck {
    policy: HostKeyPolicy,
    /// When there are any, they decide alone.
    pins: Arc<[Fingerprint]>,
    name: Arc<str>,
    store: HostKeyStore,
    record: Arc<HostRecord>,
}

impl HostKeyCheck {
    pub(crate) fn new(settings: &SshSettings, peer: &Peer<'_>) -> Self {
        let endpoint = peer.endpoint;
        let unchecked = peer.host_key == HostKeyPolicy::Off && peer.host_key_pins.is_empty();
        if unchecked && settings.warned().is_first(endpoint) {
            warn!(%endpoint, "host key is not checked: whoever sits in between reads the password");
        }
        Self {
            policy: peer.host_key,
            pins: peer.host_key_pins.into(),
            name: entry_name(endpoint.host(), endpoint.port()).into(),
            store: settings.host_keys(),
            record: Arc::default(),
        }
    }

    /// Recalls what is known about the host, if that can be done without a look at files; whether
    /// it could.
    pub(crate) fn recall(&mut self) -> bool {
        if !self.asks_store() {
            return true;
        }
        match self.store.recall(&self.name) {
            Some(record) => self.record = record,
            None => return false,
        }
        true
    }

    /// Reads what is known about the host. Blocks on files.
    ///
    /// # Errors
    ///
    /// `Local`.
    pub(crate) fn load(&mut self) -> Result<(), Error> {
        if self.asks_store() {
            self.record = self.store.find(&self.name).map_err(store_failed)?;
        }
        Ok(())
    }

    fn asks_store(&self) -> bool {
        self.pins.is_empty() && self.policy != HostKeyPolicy::Off
    }

    /// What it comes to when a key is accepted, by what was known before.
    pub(crate) fn acceptance(&self) -> HostKeyVerdict {
        if !self.pins.is_empty() {
            HostKeyVerdict::Pinned
        } else if self.policy == HostKeyPolicy::Off {
            HostKeyVerdict::Unchecked
        } else if self.record.keys.is_empty() {
            HostKeyVerdict::New
        } else {
            HostKeyVerdict::Known
        }
    }

    /// The types of the keys that are known; the peer is asked for one of them.
    pub(crate) fn known_types(&self) -> Vec<&str> {
        self.record.key_types()
    }

    /// Judges the key that the peer has shown by what is known, without a look at files.
    ///
    /// # Errors
    ///
    /// `HostKey`.
    pub(crate) fn judge(&self, session: &Session) -> Result<Judgement, Error> {
        self.judge_key(session.host_key().and_then(|(blob, _)| KnownKey::from_blob(blob)))
    }

    fn judge_key(&self, shown: Option<KnownKey>) -> Result<Judgement, Error> {
        if self.pins.is_empty() && self.policy == HostKeyPolicy::Off {
            return Ok(Judgement::Accepted);
        }
        let Some(shown) = shown else {
            return Err(self.not_usable("the device showed no host key".to_owned()));
        };
        if !self.pins.is_empty() {
            return self.compare_with_pins(&shown).map(|()| Judgement::Accepted);
        }
        match self.is_known(&shown) {
            Ok(true) => Ok(Judgement::Accepted),
            Ok(false) | Err(_) => Ok(Judgement::Open(shown)),
        }
    }

    /// Decides about a key that is not the one that is known, after a look at the file as it is
    /// now, and remembers it if it is new and that is the policy. Blocks on files.
    ///
    /// # Errors
    ///
    /// `HostKey`; `Local` when it cannot be remembered, and when the file has changed since the
    /// peer was asked for a key of a type that was known.
    pub(crate) fn decide(&mut self, shown: &KnownKey) -> Result<Decision, Error> {
        let asked_by = self.record.clone();
        self.load()?;
        if self.is_known_now(shown, &asked_by)? {
            return Ok(Decision::Accepted);
        }
        if self.policy == HostKeyPolicy::Strict {
            return Err(self.refused(HostKeyProblem::Unknown { actual: shown.fingerprint() }));
        }
        let remembered = self.store.remember(&self.name, shown);
        match remembered.map_err(store_failed)? {
            Remembered::Added => {
                let fingerprint = shown.fingerprint();
                info!(host = &*self.name, key_type = shown.key_type, fingerprint, "new host key");
                Ok(Decision::Accepted)
            }
            Remembered::Overtaken(record) => {
                self.record = Arc::new(record);
                self.is_known_now(shown, &asked_by).map(|_| Decision::Accepted)
            }
            Remembered::Locked => Ok(Decision::AskAgain),
        }
    }

    /// [`is_known`](Self::is_known), for a key that was asked for when the record was another.
    fn is_known_now(&self, shown: &KnownKey, asked_by: &HostRecord) -> Result<bool, Error> {
        self.is_known(shown).map_err(|refusal| {
            if *self.record == *asked_by || self.record.revoked.contains(shown) {
                return refusal;
            }
            // Perhaps the peer has the key that is known now, too, and was not asked for it.
            store_failed(format!("{} has changed during the login", self.store.path().display()))
        })
    }

    fn compare_with_pins(&self, shown: &KnownKey) -> Result<(), Error> {
        let actual = shown.fingerprint();
        if self.pins.iter().any(|pin| pin.as_str() == actual) {
            return Ok(());
        }
        let expected = self.pins.iter().map(Fingerprint::to_string).collect();
        let key_type = shown.key_type.clone();
        Err(self.refused(HostKeyProblem::NotPinned { expected, actual, key_type }))
    }

    /// Whether the key is one of the host's. A host of which keys are known, but not this one,
    /// is an error.
    ///
    /// That holds also for a key of another type than the known ones: the peer was asked for the
    /// known types first, so it no longer has them. Taking it for new would let anyone in between
    /// through by showing a type that was not seen before.
    fn is_known(&self, shown: &KnownKey) -> Result<bool, Error> {
        if self.record.revoked.contains(shown) {
            let message = format!("the key {} is revoked", shown.fingerprint());
            return Err(self.not_usable(message));
        }
        if self.record.keys.is_empty() || self.record.keys.contains(shown) {
            return Ok(!self.record.keys.is_empty());
        }
        let same_type: Vec<_> =
            self.record.keys.iter().filter(|key| key.key_type == shown.key_type).collect();
        let expected =
            if same_type.is_empty() { self.record.keys.iter().collect() } else { same_type };
        Err(self.refused(HostKeyProblem::Changed {
            expected: expected.into_iter().map(KnownKey::fingerprint).collect(),
            actual: shown.fingerprint(),
        }))
    }

    fn refused(&self, problem: HostKeyProblem) -> Error {
        Error::HostKey { host: self.name.to_string(), problem }
    }

    fn not_usable(&self, message: String) -> Error {
        self.refused(HostKeyProblem::Unusable { message })
    }
}

/// The error for a `known_hosts` that cannot be read or written. The device has no part in it, and
/// it may work again in a moment: a full disk or a shortage of descriptors must not have the device
/// left alone for minutes, as a changed key does.
fn store_failed(message: String) -> Error {
    Error::Local { phase: Phase::HostKey, message }
}

/// What a key is by what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is the host's.
    Accepted,
    /// That takes a look at the file.
    Open(KnownKey),
}

/// What came of deciding about a key, short of refusing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The key is the host's.
    Accepted,
    /// Another process is writing the file: look again in a few milliseconds.
    AskAgain,
}

#[cfg(test)]
mod tests;
