use std::borrow::Cow;

use pool_core::{AlgorithmLists, AlgorithmProfile, ConfigProblem, Error, Phase, Result};
use ssh2::{MethodType, Session};

use crate::auth::Sha1Signatures;
use crate::greeting::Offer;

const KEX_MODERN: &str = "curve25519-sha256,curve25519-sha256@libssh.org,\
ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,\
diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
diffie-hellman-group18-sha512,diffie-hellman-group14-sha256";
const KEX_OLD: &str = "diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,\
diffie-hellman-group1-sha1";

const HOST_KEY_MODERN: &str = "ssh-ed25519,\
ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";
/// The second is in some builds only, and left out of others.
const HOST_KEY_OLD: &str = "ssh-rsa,ssh-dss";

const CIPHER_MODERN: &str = "chacha20-poly1305@openssh.com,\
aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";
const CIPHER_OLD: &str = "aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc";

const MAC_MODERN: &str = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,\
hmac-sha2-256,hmac-sha2-512";
const MAC_OLD: &str = "hmac-sha1-etm@openssh.com,hmac-sha1,hmac-sha1-96,hmac-md5";

/// The algorithms that one session offers, each list in order of preference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Algorithms {
    kex: Cow<'static, str>,
    host_key: Cow<'static, str>,
    cipher: Cow<'static, str>,
    mac: Cow<'static, str>,
}

impl Algorithms {
    /// The explicit `lists`, and those of `profile` where there is none, with the host keys that
    /// can show one of `known_types` first.
    ///
    /// A device that has several host keys shows the one that is asked for first. If that were
    /// another than the one we know, it would look changed.
    pub(crate) fn new(
        profile: AlgorithmProfile,
        lists: &AlgorithmLists,
        known_types: &[&str],
    ) -> Self {
        let choose = |explicit: &[String], modern: &'static str, old| match profile {
            _ if !explicit.is_empty() => Cow::Owned(explicit.join(",")),
            AlgorithmProfile::Modern => Cow::Borrowed(modern),
            AlgorithmProfile::Legacy => Cow::Owned(format!("{modern},{old}")),
        };
        let host_key = choose(&lists.host_key, HOST_KEY_MODERN, HOST_KEY_OLD);
        Self {
            kex: choose(&lists.kex, KEX_MODERN, KEX_OLD),
            host_key: known_first(&host_key, known_types).into(),
            cipher: choose(&lists.cipher, CIPHER_MODERN, CIPHER_OLD),
            mac: choose(&lists.mac, MAC_MODERN, MAC_OLD),
        }
    }

    /// Whether a peer's RSA key may sign with SHA-1; ours may do then what the peer's may.
    pub(crate) fn sha1_signatures(&self) -> Sha1Signatures {
        if self.host_key.split(',').any(|name| name == "ssh-rsa") {
            Sha1Signatures::Allowed
        } else {
            Sha1Signatures::Refused
        }
    }

    /// Makes `session` offer these, and nothing else. libssh2 leaves out what it was built without.
    pub(crate) fn apply(&self, session: &Session) -> Result<(), ssh2::Error> {
        let preferences = [
            (MethodType::Kex, &*self.kex),
            (MethodType::HostKey, &*self.host_key),
            (MethodType::CryptCs, &*self.cipher),
            (MethodType::CryptSc, &*self.cipher),
            (MethodType::MacCs, &*self.mac),
            (MethodType::MacSc, &*self.mac),
        ];
        for (method, list) in preferences {
            session.method_pref(method, list)?;
        }
        Ok(())
    }

    /// The key exchange that comes of ours and the peer's `offer`.
    pub(crate) fn key_exchange_with(&self, offer: &Offer) -> Option<&str> {
        self.kex.split(',').find(|ours| offer.kex.split(',').any(|theirs| theirs == *ours))
    }

    /// The lists in which we and the peer have nothing in common, for a person to read, and
    /// whether the legacy profile would help; empty if there are none.
    pub(crate) fn gaps(&self, offer: &Offer) -> String {
        let lists = [
            ("key exchange", &*self.kex, &offer.kex),
            ("host key", &*self.host_key, &offer.host_key),
            ("cipher", &*self.cipher, &offer.cipher),
            ("MAC", &*self.mac, &offer.mac),
        ];
        let gaps: Vec<_> = lists
            .into_iter()
            .filter(|(_, ours, theirs)| !has_common(ours, theirs))
            .map(|(what, ours, theirs)| format!("{what}: we offer {ours}; the device {theirs}"))
            .collect();
        if gaps.is_empty() {
            return String::new();
        }
        let legacy = Self::new(AlgorithmProfile::Legacy, &AlgorithmLists::default(), &[]);
        let helps = *self != legacy && legacy.gaps(offer).is_empty();
        let advice = if helps { " (the legacy profile has one)" } else { "" };
        format!("no common algorithm{advice}: {}", gaps.join("; "))
    }
}

/// Checks that this build of libssh2 knows every algorithm in `lists`, so that a misspelt one is
/// found before it cuts a device off.
///
/// # Errors
///
/// `InvalidConfig` with a problem for each unknown name, which suggests the nearest known one;
/// `Local` when libssh2 cannot be asked.
pub fn check_algorithms(lists: &AlgorithmLists) -> Result<()> {
    if *lists == AlgorithmLists::default() {
        return Ok(());
    }
    let failed = |error: ssh2::Error| Error::Local {
        phase: Phase::KeyExchange,
        message: error.message().to_owned(),
    };
    let session = Session::new().map_err(failed)?;
    let mut problems = Vec::new();
    for (key, method, names) in [
        ("kex", MethodType::Kex, &lists.kex),
        ("host_key", MethodType::HostKey, &lists.host_key),
        ("cipher", MethodType::CryptCs, &lists.cipher),
        ("mac", MethodType::MacCs, &lists.mac),
    ] {
        let known = session.supported_algs(method).map_err(failed)?;
        let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
        problems.extend(unknown.map(|name| unknown_algorithm(key, name, &known)));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::InvalidConfig(problems)) }
}

fn unknown_algorithm(key: &str, name: &str, known: &[&str]) -> ConfigProblem {
    let likeness = |known: &str| strsim::jaro_winkler(known, name);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.map_or_else(String::new, |name| format!(" (the nearest is {name})"));
    let allowed = format!("{}{nearest}", known.join(", "));
    ConfigProblem::new(key, format!("{name:?}"), allowed)
}

/// Whether a key exchange is by an elliptic curve, which takes a fraction of a millisecond.
pub(crate) fn is_by_curve(key_exchange: &str) -> bool {
    key_exchange.starts_with("curve25519-") || key_exchange.starts_with("ecdh-sha2-")
}

/// The `algorithms` that show one of `known_types`, followed by the others.
fn known_first(algorithms: &str, known_types: &[&str]) -> String {
    let mut ordered = String::with_capacity(algorithms.len());
    for is_known in [true, false] {
        let is_next = |name: &&str| known_types.contains(&key_type_of(name)) == is_known;
        for name in algorithms.split(',').filter(is_next) {
            if !ordered.is_empty() {
                ordered.push(',');
            }
            ordered.push_str(name);
        }
    }
    ordered
}

/// The type of key that a host key algorithm shows: RSA keys can sign in three ways.
fn key_type_of(algorithm: &str) -> &str {
    if algorithm.starts_with("rsa-sha2-") { "ssh-rsa" } else { algorithm }
}

fn has_common(ours: &str, theirs: &str) -> bool {
    ours.split(',').any(|name| theirs.split(',').any(|their| their == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(list: &str) -> &str {
        list.split(',').next().unwrap()
    }

    fn of(profile: AlgorithmProfile) -> Algorithms {
        Algorithms::new(profile, &AlgorithmLists::default(), &[])
    }

    #[test]
    fn explicit_lists_replace_those_of_the_profile_one_by_one() {
        let lists = AlgorithmLists {
            cipher: vec!["aes128-cbc".into(), "aes128-ctr".into()],
            host_key: vec!["ssh-ed25519".into(), "ssh-rsa".into()],
            ..AlgorithmLists::default()
        };
        let algorithms = Algorithms::new(AlgorithmProfile::Modern, &lists, &["ssh-rsa"]);
        assert_eq!(algorithms.cipher, "aes128-cbc,aes128-ctr");
        assert_eq!(algorithms.host_key, "ssh-rsa,ssh-ed25519", "the one that is known first");
        assert_eq!(algorithms.kex, KEX_MODERN);
    }

    #[test]
    fn names_that_the_build_does_not_know_are_found_with_the_nearest_that_it_does() {
        let good = AlgorithmLists { mac: vec!["hmac-sha1".into()], ..AlgorithmLists::default() };
        check_algorithms(&good).unwrap();
        let bad = AlgorithmLists {
            kex: vec!["diffie-hellman-group14-sha".into()],
            cipher: vec!["aes128-cbc".into(), "aes512-ctr".into()],
            ..good
        };
        let Err(Error::InvalidConfig(problems)) = check_algorithms(&bad) else { panic!("bad") };
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["kex", "cipher"]);
        let nearest = "(the nearest is diffie-hellman-group14-sha1)";
        assert!(problems[0].allowed.ends_with(nearest), "{}", problems[0]);
    }

    #[test]
    fn legacy_is_modern_first_and_the_old_after() {
        let modern = of(AlgorithmProfile::Modern);
        let legacy = of(AlgorithmProfile::Legacy);
        assert!(legacy.kex.starts_with(&*modern.kex));
        assert!(legacy.cipher.ends_with("3des-cbc"));
        for list in [&modern.kex, &modern.host_key, &modern.cipher, &modern.mac] {
            for name in list.split(',') {
                let old = name.ends_with("sha1") || name.ends_with("-cbc") || name == "ssh-rsa";
                assert!(!old, "{name} is not modern");
            }
        }
    }

    #[test]
    fn keys_of_ours_sign_with_sha1_only_where_those_of_the_peer_may() {
        assert_eq!(of(AlgorithmProfile::Modern).sha1_signatures(), Sha1Signatures::Refused);
        assert_eq!(of(AlgorithmProfile::Legacy).sha1_signatures(), Sha1Signatures::Allowed);
    }

    #[test]
    fn the_types_of_keys_that_are_known_come_first_and_none_is_left_out() {
        let lists = AlgorithmLists::default();
        let algorithms = Algorithms::new(AlgorithmProfile::Legacy, &lists, &["ssh-rsa"]);
        assert!(algorithms.host_key.starts_with("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519"));
        let plain = of(AlgorithmProfile::Legacy);
        assert_eq!(first(&plain.host_key), "ssh-ed25519");
        assert_eq!(algorithms.host_key.len(), plain.host_key.len());
    }

    /// An update of libssh2 that drops an algorithm cuts off the devices that have no other.
    #[test]
    fn libssh2_was_built_with_everything_we_offer() {
        let session = Session::new().unwrap();
        let legacy = of(AlgorithmProfile::Legacy);
        for (method, list) in [
            (MethodType::Kex, &legacy.kex),
            (MethodType::HostKey, &legacy.host_key),
            (MethodType::CryptCs, &legacy.cipher),
            (MethodType::MacCs, &legacy.mac),
        ] {
            let supported = session.supported_algs(method).unwrap();
            for name in list.split(',') {
                assert!(supported.contains(&name), "{name} is missing of {supported:?}");
            }
        }
    }

    #[test]
    fn gaps_name_only_the_lists_without_anything_in_common() {
        let offer = Offer {
            kex: "diffie-hellman-group1-sha1".into(),
            host_key: "ssh-ed25519".into(),
            cipher: "aes128-ctr".into(),
            mac: "hmac-sha2-256".into(),
        };
        let modern = of(AlgorithmProfile::Modern);
        let gaps = modern.gaps(&offer);
        let expected = "no common algorithm (the legacy profile has one): key exchange: we offer";
        assert!(gaps.starts_with(expected), "{gaps}");
        assert!(gaps.ends_with("the device diffie-hellman-group1-sha1"), "{gaps}");
        assert_eq!(of(AlgorithmProfile::Legacy).gaps(&offer), "");
    }
}
