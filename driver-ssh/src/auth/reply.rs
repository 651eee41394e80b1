use libssh2_sys as raw;
use pool_core::Phase;
use ssh2::ErrorCode;

use crate::engine::{Engine, Fault};
use crate::error::session_error;

/// What came of one method.
#[derive(Debug)]
pub(super) enum Reply {
    /// We are in.
    Accepted,
    /// The peer refused, for the reason that it gave, if any.
    Refused(&'static str),
    /// The peer has seen that the key is ours, and does not let us in: it asks for more
    /// (RFC 4252, section 5.1), or its mind has changed.
    Proven,
    /// The method could not even be tried, and the peer has no part in that.
    Unusable(String),
}

/// What a result of libssh2 means for the method that it is of.
pub(super) fn reply(engine: &mut Engine, result: Result<(), ssh2::Error>) -> Result<Reply, Fault> {
    match result {
        Ok(()) if engine.session().authenticated() => {
            engine.note_server();
            Ok(Reply::Accepted)
        }
        Ok(()) => Ok(Reply::Refused("more is required")),
        Err(error) => match error.code() {
            ErrorCode::Session(raw::LIBSSH2_ERROR_AUTHENTICATION_FAILED) => Ok(Reply::Refused("")),
            ErrorCode::Session(raw::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) => Ok(Reply::Proven),
            ErrorCode::Session(raw::LIBSSH2_ERROR_PASSWORD_EXPIRED) => {
                Ok(Reply::Refused("the password has expired"))
            }
            ErrorCode::Session(raw::LIBSSH2_ERROR_EAGAIN) => Err(Fault::Again),
            _ => Err(Fault::Failed(session_error(&error, Phase::Authentication))),
        },
    }
}
