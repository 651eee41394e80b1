use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libssh2_sys as raw;
use pool_core::{PrivateKey, PrivateKeySource, Secret};
use ssh2::{ErrorCode, MethodType};
use zeroize::Zeroizing;

use super::reply::{Reply, reply};
use crate::engine::{Engine, Fault};

/// The largest private key file, in bytes. An RSA key of 16384 bits has 13 KiB.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// The name of RSA keys, and of signatures by them with SHA-1.
pub(super) const RSA_SHA1: &str = "ssh-rsa";
/// The signatures of RSA keys, in the order in which libssh2 prefers them by itself.
const RSA_ANY: &str = "rsa-sha2-512,rsa-sha2-256,ssh-rsa";

/// Work that logs in with a private key of ours (RFC 4252, section 7).
///
/// An RSA key that is refused is offered once more to sign with SHA-1, if `sha1` allows it: some
/// servers announce the newer signatures (RFC 8308) and accept none of them.
pub(super) fn by_public_key(
    username: String,
    key: PrivateKey,
    sha1: Sha1Signatures,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    let mut text: Option<Secret> = None;
    let mut is_again = false;
    move |engine| {
        let text = match &mut text {
            Some(text) => text,
            empty @ None => match read_key(&key.source) {
                Ok(read) => {
                    // A key of an agent may have been tried before, with others.
                    engine.session().method_pref(MethodType::SignAlgo, RSA_ANY)?;
                    empty.insert(read)
                }
                Err(detail) => return Ok(Reply::Unusable(detail)),
            },
        };
        let passphrase = key.passphrase.as_ref().map(Secret::expose);
        let session = engine.session();
        match session.userauth_pubkey_memory(&username, None, text.expose(), passphrase) {
            // The key was good enough for the first time: the server announces no such signatures.
            Err(error) if is_again && is_unusable_key(&error) => Ok(Reply::Refused("")),
            // libssh2 does not tell a wrong passphrase from a file that is no key.
            Err(error) if is_unusable_key(&error) => Ok(Reply::Unusable(format!(
                "cannot use {}, its format or its passphrase is wrong: {}",
                origin(&key.source),
                error.message()
            ))),
            result => match reply(engine, result)? {
                Reply::Refused(_) if !is_again && sha1.is_allowed() && may_be_rsa(text) => {
                    is_again = true;
                    engine.session().method_pref(MethodType::SignAlgo, RSA_SHA1)?;
                    Err(Fault::More)
                }
                reply => Ok(reply),
            },
        }
    }
}

/// Whether RSA keys may sign with SHA-1 (RFC 4253, section 6.6), which collisions have broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sha1Signatures {
    Allowed,
    Refused,
}

impl Sha1Signatures {
    pub(super) fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// Whether the text of a private key may be of an RSA key, as far as it can be told without its
/// passphrase: OpenSSH's format tells by the public half, PEM by its label, PKCS #8 not at all.
fn may_be_rsa(text: &Secret) -> bool {
    let mut lines = text.expose().lines().map(str::trim).skip_while(|line| line.is_empty());
    match lines.next() {
        Some("-----BEGIN OPENSSH PRIVATE KEY-----") => {
            let body: Zeroizing<String> =
                Zeroizing::new(lines.take_while(|line| !line.starts_with('-')).collect());
            let bytes = Zeroizing::new(STANDARD.decode(&*body).unwrap_or_default());
            bytes.windows(RSA_SHA1.len()).any(|window| window == RSA_SHA1.as_bytes())
        }
        Some(label) => !label.contains(" EC ") && !label.contains(" DSA "),
        None => false,
    }
}

/// Whether libssh2 could not even offer the key: not a private key, of a type it does not know,
/// or encrypted with another passphrase.
pub(super) fn is_unusable_key(error: &ssh2::Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::Session(
            raw::LIBSSH2_ERROR_FILE
                | raw::LIBSSH2_ERROR_METHOD_NONE
                | raw::LIBSSH2_ERROR_METHOD_NOT_SUPPORTED
                | raw::LIBSSH2_ERROR_INVAL
                | raw::LIBSSH2_ERROR_KEYFILE_AUTH_FAILED
                | raw::LIBSSH2_ERROR_ALGO_UNSUPPORTED
        )
    )
}

/// The text of the key. Blocks on files.
fn read_key(source: &PrivateKeySource) -> Result<Secret, String> {
    match source {
        PrivateKeySource::Memory(text) => Ok(text.clone()),
        PrivateKeySource::File(path) => {
            read_key_file(path).map_err(|error| format!("cannot read {}: {error}", origin(source)))
        }
    }
}

fn read_key_file(path: &Path) -> io::Result<Secret> {
    let mut text = String::new();
    File::open(path)?.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(Secret::new(text))
}

fn origin(source: &PrivateKeySource) -> String {
    match source {
        PrivateKeySource::Memory(_) => "the private key".to_owned(),
        PrivateKeySource::File(path) => format!("the private key {}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::linear;

    /// Texts that look like keys up to some point, and bytes that are no text.
    fn key_bytes() -> impl Strategy<Value = Vec<u8>> {
        let labels = ["OPENSSH ", "RSA ", "EC ", "ENCRYPTED ", ""];
        let armour =
            (prop::sample::select(labels.to_vec()), "[A-Za-z0-9+/=\\n -]{0,400}", 0..600_usize);
        let cut_off = armour.prop_map(|(label, body, length)| {
            let text = format!(
                "-----BEGIN {label}PRIVATE KEY-----\n{body}\n-----END {label}PRIVATE KEY-----\n"
            );
            text.into_bytes().into_iter().take(length).collect()
        });
        prop_oneof![cut_off, prop::collection::vec(any::<u8>(), 0..300)]
    }

    proptest! {
        /// A file that cannot be used is named, and nothing of it is told.
        #[test]
        fn whatever_is_in_a_key_file_it_is_read_or_the_error_names_the_file(bytes in key_bytes()) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            let path = file.path().to_owned();
            match read_key(&PrivateKeySource::File(path.clone())) {
                Ok(text) => {
                    prop_assert_eq!(text.expose().as_bytes(), &bytes[..]);
                    let told = format!("{text:?} {}", may_be_rsa(&text));
                    prop_assert!(bytes.len() < 8 || !told.contains(text.expose()));
                }
                Err(detail) => {
                    prop_assert!(std::str::from_utf8(&bytes).is_err());
                    prop_assert!(detail.contains(path.to_str().unwrap()), "{}", detail);
                }
            }
        }
    }

    #[test]
    fn the_time_to_look_at_a_key_grows_with_its_length_only() {
        let look = |text: &[u8]| {
            may_be_rsa(&Secret::new(String::from_utf8(text.to_vec()).expect("it is text")))
        };
        let begins = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
        for part in ["\n", " ", "AAAA\n", "c3No\n"] {
            linear::check(|parts| part.repeat(parts).into_bytes(), look);
            linear::check(|parts| format!("{begins}{}", part.repeat(parts)).into_bytes(), look);
        }
    }

    #[test]
    fn a_key_file_that_is_missing_or_a_directory_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("missing"), folder.path().to_owned()] {
            let detail = read_key(&PrivateKeySource::File(path.clone())).unwrap_err();
            let starts = format!("cannot read the private key {}: ", path.display());
            assert!(detail.starts_with(&starts), "{detail}");
        }
    }

    #[test]
    fn rsa_keys_are_told_from_others_where_their_text_tells() {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys/");
        let file =
            |name: &str| Secret::new(std::fs::read_to_string(format!("{keys}{name}")).unwrap());
        assert!(may_be_rsa(&file("rsa")));
        assert!(!may_be_rsa(&file("ed25519")));
        let text = |label: &str| Secret::new(format!("-----BEGIN {label}PRIVATE KEY-----\nAAAA\n"));
        assert!(
            may_be_rsa(&text("RSA ")) && may_be_rsa(&text("ENCRYPTED ")) && may_be_rsa(&text(""))
        );
        assert!(!may_be_rsa(&text("EC ")) && !may_be_rsa(&Secret::new("")));
    }
}
