use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use libssh2_sys as raw;
use pool_core::{PrivateKey, PrivateKeySource, Secret};
use ssh2::ErrorCode;

use super::reply::{Reply, reply};
use crate::engine::{Engine, Fault};

/// The largest private key file, in bytes. An RSA key of 16384 bits has 13 KiB.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Work that logs in with a private key of ours (RFC 4252, section 7).
pub(super) fn by_public_key(
    username: String,
    key: PrivateKey,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    let mut text: Option<Secret> = None;
    move |engine| {
        let text = match &mut text {
            Some(text) => text,
            empty @ None => match read_key(&key.source) {
                Ok(read) => empty.insert(read),
                Err(detail) => return Ok(Reply::Unusable(detail)),
            },
        };
        let passphrase = key.passphrase.as_ref().map(Secret::expose);
        let session = engine.session();
        match session.userauth_pubkey_memory(&username, None, text.expose(), passphrase) {
            // libssh2 does not tell a wrong passphrase from a file that is no key.
            Err(error) if is_unusable_key(&error) => Ok(Reply::Unusable(format!(
                "cannot use {}, its format or its passphrase is wrong: {}",
                origin(&key.source),
                error.message()
            ))),
            result => reply(engine, result),
        }
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
