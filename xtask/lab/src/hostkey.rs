use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Context;
use parking_lot::Mutex;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{HashAlg, PrivateKey};

use crate::HostKeyKind;

/// RSA keys take seconds to make in an unoptimised build, so these come ready-made. They protect
/// nothing: only simulated routers on loopback show them.
const RSA_KEYS: [&str; 2] =
    [include_str!("../keys/rsa_first.pem"), include_str!("../keys/rsa_second.pem")];

/// The host keys of one router, one per generation; the first generation is 0.
#[derive(Debug)]
pub(crate) struct HostKeys {
    kind: HostKeyKind,
    name: String,
    /// The keys made so far: deriving one takes milliseconds in an unoptimised build.
    made: Mutex<BTreeMap<u64, PrivateKey>>,
}

impl HostKeys {
    pub(crate) fn new(kind: HostKeyKind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), made: Mutex::new(BTreeMap::new()) }
    }

    /// The key of this generation: always the same one. RSA has two, which take turns.
    ///
    /// # Errors
    /// When a key cannot be made; it can, unless its file was damaged.
    pub(crate) fn key(&self, generation: u64) -> anyhow::Result<PrivateKey> {
        let mut made = self.made.lock();
        if let Some(key) = made.get(&generation) {
            return Ok(key.clone());
        }
        let key = self.make(generation)?;
        // A changed key leaves its predecessor behind, and the one that a fault shows.
        made.retain(|other, _| other.abs_diff(generation) <= 1);
        made.insert(generation, key.clone());
        Ok(key)
    }

    fn make(&self, generation: u64) -> anyhow::Result<PrivateKey> {
        match self.kind {
            HostKeyKind::Ed25519 => {
                let pair = Ed25519Keypair::from_seed(&seed(&self.name, generation));
                PrivateKey::new(KeypairData::from(pair), "lab").context("an Ed25519 host key")
            }
            HostKeyKind::Rsa => {
                PrivateKey::from_openssh(RSA_KEYS[usize::from(generation % 2 == 1)])
                    .context("an RSA host key")
            }
        }
    }
}

/// The fingerprint as OpenSSH prints it: `SHA256:…`.
pub(crate) fn fingerprint(key: &PrivateKey) -> String {
    key.public_key().fingerprint(HashAlg::Sha256).to_string()
}

/// A seed that differs by name and generation. No secret: anybody can compute it.
fn seed(name: &str, generation: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    for (index, part) in seed.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (name, generation, index).hash(&mut hasher);
        part.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_router_and_generation_and_stay_the_same() {
        for kind in [HostKeyKind::Ed25519, HostKeyKind::Rsa] {
            let of = |name: &str, generation| {
                fingerprint(&HostKeys::new(kind, name).key(generation).expect("a key"))
            };
            assert_eq!(of("a", 0), of("a", 0));
            assert_ne!(of("a", 0), of("a", 1));
            assert!(of("a", 0).starts_with("SHA256:"));
        }
        let first = HostKeys::new(HostKeyKind::Ed25519, "a").key(0).expect("a key");
        let other = HostKeys::new(HostKeyKind::Ed25519, "b").key(0).expect("a key");
        assert_ne!(fingerprint(&first), fingerprint(&other));
    }
}
