use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::Mutex;
use pool_core::{ConnectionConfig, Endpoint, Error, HostKeyPolicy, HostKeyProblem, Phase};
use sha2::{Digest, Sha256};
use ssh2::Session;
use tracing::{info, warn};

use crate::SshSettings;
use crate::known_hosts::{HostRecord, KnownKey, entry_name};
use crate::store::{HostKeyStore, Remembered};

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
    name: String,
    store: HostKeyStore,
    record: HostRecord,
}

impl HostKeyCheck {
    pub(crate) fn new(settings: &SshSettings, config: &ConnectionConfig) -> Self {
        let endpoint = &config.endpoint;
        if config.host_key == HostKeyPolicy::Off && settings.warned().is_first(endpoint) {
            warn!(%endpoint, "host key is not checked: whoever sits in between reads the password");
        }
        Self {
            policy: config.host_key,
            name: entry_name(endpoint.host(), endpoint.port()),
            store: HostKeyStore::new(&settings.known_hosts),
            record: HostRecord::default(),
        }
    }

    /// Reads what is known about the host. Blocks on files.
    ///
    /// # Errors
    ///
    /// `Local`.
    pub(crate) fn load(&mut self) -> Result<(), Error> {
        if self.policy != HostKeyPolicy::Off {
            self.record = self.store.find(&self.name).map_err(store_failed)?;
        }
        Ok(())
    }

    /// The types of the keys that are known; the peer is asked for one of them.
    pub(crate) fn known_types(&self) -> Vec<&str> {
        self.record.key_types()
    }

    /// Decides about the key that the peer has shown, and remembers it if it is new and that is
    /// the policy. Blocks on files.
    ///
    /// # Errors
    ///
    /// `HostKey`; `Local` when it cannot be remembered.
    pub(crate) fn decide(&mut self, session: &Session) -> Result<Decision, Error> {
        self.decide_about(session.host_key().and_then(|(blob, _)| KnownKey::from_blob(blob)))
    }

    fn decide_about(&mut self, shown: Option<KnownKey>) -> Result<Decision, Error> {
        if self.policy == HostKeyPolicy::Off {
            return Ok(Decision::Accepted);
        }
        let Some(shown) = shown else {
            return Err(self.not_usable("the device showed no host key".to_owned()));
        };
        if self.is_known(&shown)? {
            return Ok(Decision::Accepted);
        }
        if self.policy == HostKeyPolicy::Strict {
            return Err(self.refused(HostKeyProblem::Unknown { actual: fingerprint(&shown) }));
        }
        let remembered = self.store.remember(&self.name, &shown);
        match remembered.map_err(store_failed)? {
            Remembered::Added => {
                let fingerprint = fingerprint(&shown);
                info!(host = self.name, key_type = shown.key_type, fingerprint, "new host key");
                Ok(Decision::Accepted)
            }
            Remembered::Overtaken(record) => {
                self.record = record;
                self.is_known(&shown).map(|_| Decision::Accepted)
            }
            Remembered::Locked => Ok(Decision::AskAgain),
        }
    }

    /// Whether the key is one of the host's. A host of which keys are known, but not this one,
    /// is an error.
    ///
    /// That holds also for a key of another type than the known ones: the peer was asked for the
    /// known types first, so it no longer has them. Taking it for new would let anyone in between
    /// through by showing a type that was not seen before.
    fn is_known(&self, shown: &KnownKey) -> Result<bool, Error> {
        if self.record.revoked.contains(shown) {
            let message = format!("the key {} is revoked", fingerprint(shown));
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
            expected: expected.into_iter().map(fingerprint).collect(),
            actual: fingerprint(shown),
        }))
    }

    fn refused(&self, problem: HostKeyProblem) -> Error {
        Error::HostKey { host: self.name.clone(), problem }
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

/// What came of looking at a key, short of refusing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The key is the host's.
    Accepted,
    /// Another process is writing the file: look again in a few milliseconds.
    AskAgain,
}

/// The fingerprint of a key, as OpenSSH prints it.
fn fingerprint(key: &KnownKey) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&key.blob)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use pool_core::{Credentials, Platform};

    use super::*;

    fn key(key_type: &str, seed: u8) -> KnownKey {
        let length = u32::try_from(key_type.len()).unwrap().to_be_bytes();
        KnownKey::from_blob(&[&length, key_type.as_bytes(), &[seed; 32]].concat()).unwrap()
    }

    fn check(path: PathBuf, policy: HostKeyPolicy) -> HostKeyCheck {
        let endpoint = Endpoint::new("192.0.2.1", 2222).unwrap();
        let credentials = Credentials::password("monitor", "x".to_owned());
        let mut config = ConnectionConfig::new(endpoint, Platform::new("linux"), credentials);
        config.host_key = policy;
        let mut check = HostKeyCheck::new(&SshSettings::new(path), &config);
        check.load().unwrap();
        check
    }

    fn problem(result: Result<Decision, Error>) -> HostKeyProblem {
        match result {
            Err(Error::HostKey { problem, host }) if host == "[192.0.2.1]:2222" => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn strict_refuses_a_host_it_does_not_know_and_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let result =
            check(path.clone(), HostKeyPolicy::Strict).decide_about(Some(key("ssh-ed25519", 1)));
        assert!(matches!(problem(result), HostKeyProblem::Unknown { .. }));
        assert!(!path.exists());
    }

    #[test]
    fn accept_new_remembers_a_key_and_refuses_another_one_of_any_type() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/known_hosts");
        let first = key("ssh-ed25519", 1);
        let decide =
            |policy, key: &KnownKey| check(path.clone(), policy).decide_about(Some(key.clone()));

        assert_eq!(decide(HostKeyPolicy::AcceptNew, &first).unwrap(), Decision::Accepted);
        assert_eq!(decide(HostKeyPolicy::AcceptNew, &first).unwrap(), Decision::Accepted);
        assert_eq!(decide(HostKeyPolicy::Strict, &first).unwrap(), Decision::Accepted);
        for other in [key("ssh-ed25519", 2), key("ssh-rsa", 1)] {
            let HostKeyProblem::Changed { expected, actual } =
                problem(decide(HostKeyPolicy::AcceptNew, &other))
            else {
                panic!("changed is expected")
            };
            assert_eq!(expected, [fingerprint(&first)]);
            assert_eq!(actual, fingerprint(&other));
        }
        assert_eq!(check(path.clone(), HostKeyPolicy::Strict).known_types(), ["ssh-ed25519"]);
        assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_key_of_the_same_type_is_compared_with_those_of_its_type() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let keys = [key("ssh-ed25519", 1), key("ssh-rsa", 1)];
        let lines =
            keys.each_ref().map(|key| crate::known_hosts::entry_line("[192.0.2.1]:2222", key));
        fs::write(&path, lines.concat()).unwrap();
        for key in &keys {
            check(path.clone(), HostKeyPolicy::Strict).decide_about(Some(key.clone())).unwrap();
        }
        let result = check(path, HostKeyPolicy::Strict).decide_about(Some(key("ssh-rsa", 9)));
        let HostKeyProblem::Changed { expected, .. } = problem(result) else { panic!("changed") };
        assert_eq!(expected, [fingerprint(&keys[1])]);
    }

    #[test]
    fn a_revoked_key_is_refused_even_if_the_host_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let revoked = key("ssh-ed25519", 1);
        fs::write(&path, format!("@revoked {}", crate::known_hosts::entry_line("*", &revoked)))
            .unwrap();
        let result = check(path, HostKeyPolicy::AcceptNew).decide_about(Some(revoked));
        assert!(matches!(problem(result), HostKeyProblem::Unusable { .. }));
    }

    #[test]
    fn off_accepts_anything_without_touching_the_file_and_is_warned_about_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let result = check(path.clone(), HostKeyPolicy::Off).decide_about(None);
        assert_eq!(result.unwrap(), Decision::Accepted);
        assert!(!path.exists());

        let warned = Warned::default();
        let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
        assert!(warned.is_first(&endpoint));
        assert!(!warned.is_first(&endpoint));
    }

    #[test]
    fn a_store_that_fails_is_our_own_failure_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::new("192.0.2.1", 2222).unwrap();
        let config =
            ConnectionConfig::new(endpoint, Platform::new("linux"), Credentials::default());
        let unreadable = HostKeyCheck::new(&SshSettings::new(dir.path()), &config).load();

        let path = dir.path().join("known_hosts");
        let mut writing = check(path.clone(), HostKeyPolicy::AcceptNew);
        fs::create_dir(&path).unwrap();
        let unwritable = writing.decide_about(Some(key("ssh-ed25519", 1)));

        for error in [unreadable.unwrap_err(), unwritable.unwrap_err()] {
            assert!(matches!(error, Error::Local { phase: Phase::HostKey, .. }), "{error:?}");
            assert!(error.is_transient());
            assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
        }
    }

    #[test]
    fn fingerprints_are_those_of_openssh() {
        let length = 32_u32.to_be_bytes();
        let body: Vec<u8> = (0..32).collect();
        let blob = [&11_u32.to_be_bytes()[..], b"ssh-ed25519", &length, &body].concat();
        let key = KnownKey::from_blob(&blob).unwrap();
        assert_eq!(fingerprint(&key), "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
    }
}
