use std::fmt;

/// What to do about the host key that a device shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Only hosts that are known already.
    Strict,
    /// A host seen for the first time is remembered; a changed key is refused.
    #[default]
    AcceptNew,
    /// Any key. Whoever sits between us and the device can read the password.
    Off,
}

impl HostKeyPolicy {
    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::AcceptNew => "accept-new",
            Self::Off => "off",
        }
    }
}

/// The characters of the base64 of a SHA-256 digest without its padding.
const SHA256_CHARS: usize = 43;

/// The fingerprint of a host key, as OpenSSH prints it: `SHA256:` and base64.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// A fingerprint from what `ssh-keygen -l` prints, with or without the base64's padding.
    ///
    /// # Errors
    ///
    /// [`InvalidFingerprint`] when it is not one. MD5 fingerprints are refused: a key that has a
    /// given one can be made.
    pub fn new(text: &str) -> Result<Self, InvalidFingerprint> {
        let digest = text.strip_prefix("SHA256:").map(|digest| digest.trim_end_matches('='));
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        match digest {
            Some(digest) if digest.len() == SHA256_CHARS && digest.bytes().all(is_base64) => {
                Ok(Self(format!("SHA256:{digest}")))
            }
            _ => Err(InvalidFingerprint { text: text.to_owned() }),
        }
    }

    /// The fingerprint, with its `SHA256:` and without padding.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that was meant to be a [`Fingerprint`] is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the fingerprint of a key: it is `SHA256:` and 43 characters of base64")]
pub struct InvalidFingerprint {
    /// The text.
    pub text: String,
}

/// What is wrong with a host key. Fingerprints are `SHA256:` and base64, as OpenSSH prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKeyProblem {
    /// The host is not known, and the policy does not accept new ones.
    Unknown {
        /// Fingerprint of the key the peer showed.
        actual: String,
    },
    /// The host is known by another key.
    Changed {
        /// Fingerprints of the keys that are known.
        expected: Vec<String>,
        /// Fingerprint of the key the peer showed.
        actual: String,
    },
    /// The key is none of those that are pinned for the host.
    NotPinned {
        /// The pinned fingerprints.
        expected: Vec<String>,
        /// Fingerprint of the key the peer showed.
        actual: String,
        /// The type of the key the peer showed: it may have several keys of which it shows one.
        key_type: String,
    },
    /// The key is revoked, or the peer showed none that can be looked up.
    Unusable {
        /// Which of the two, and where it says so.
        message: String,
    },
}

impl fmt::Display for HostKeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { actual } => write!(f, "the host is not known; it shows {actual}"),
            Self::Changed { expected, actual } => {
                write!(f, "the key has changed: expected {}, got {actual}", expected.join(" or "))
            }
            Self::NotPinned { expected, actual, key_type } => {
                let expected = expected.join(" or ");
                write!(f, "pinned is {expected}, got {actual} (a key of type {key_type})")
            }
            Self::Unusable { message } => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";

    #[test]
    fn a_fingerprint_is_what_openssh_prints() {
        assert_eq!(Fingerprint::new(TEXT).unwrap().as_str(), TEXT);
        let padded = format!("{TEXT}=");
        assert_eq!(Fingerprint::new(&padded), Fingerprint::new(TEXT));
    }

    #[test]
    fn anything_else_is_none() {
        let md5 = "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48";
        let cut = &TEXT[..TEXT.len() - 1];
        for text in ["", "SHA256:", "accept-new", md5, cut, &TEXT.replace('/', "-"), &TEXT[7..]] {
            assert!(Fingerprint::new(text).is_err(), "{text}");
        }
    }
}
