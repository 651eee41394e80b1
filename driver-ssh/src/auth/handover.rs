//! Handing libssh2 what an agent has said, so that it never waits for one.
//!
//! libssh2 talks to an agent itself, over a socket that it opens by its path, and waits for each
//! answer on the calling thread, without a limit; an agent that hangs up makes it spin. It has no
//! other way in for a signature, as the call with a callback is not among those that `libssh2-sys`
//! declares. So it is connected to a socket of ours in which all answers that it may ask for
//! lie ready before it asks: it reads them at once, and we read what it asked.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use libssh2_sys as raw;
use pool_core::{Error, Phase};
use ssh2::{Agent, ErrorCode, MethodType, PublicKey, Session};

use super::agent::{Offer, SSH_AGENT_IDENTITIES_ANSWER};
use super::key::is_unusable_key;
use super::reply::{Reply, reply};
use crate::engine::{Engine, Fault};

const SSH_AGENT_FAILURE: u8 = 5;
const SSH_AGENTC_SIGN_REQUEST: u8 = 13;
/// The largest that libssh2 asks: a key, and as much again to be signed, in bytes.
const REQUESTS_BYTES_MAX: u64 = 64 * 1024;

/// What came of offering one key of an agent.
#[derive(Debug)]
pub(super) enum Pass {
    /// The peer has decided.
    Ended(Reply),
    /// The peer accepts the key. This is what the agent has to be asked, without its length.
    MustSign(Vec<u8>),
}

/// What libssh2 takes for an agent, connected and with one key. To be dropped before its session.
pub(crate) struct StandIn {
    agent: Agent,
    key: PublicKey,
    /// Our end of its socket.
    ours: UnixStream,
}

/// Work that makes `offer`, and logs in with its key if its `signature` is known.
pub(super) fn by_agent(
    username: String,
    offer: Offer,
    signature: Option<Vec<u8>>,
) -> impl FnMut(&mut Engine) -> Result<Pass, Fault> + Send + 'static {
    move |engine| {
        if engine.agent().is_none() {
            let session = engine.session();
            session.method_pref(MethodType::SignAlgo, offer.rsa_signatures)?;
            let stand_in =
                StandIn::new(session, &offer.key, signature.as_deref()).map_err(not_made)?;
            *engine.agent() = Some(stand_in);
        }
        let Some(stand_in) = engine.agent() else { return Err(Fault::Again) };
        let result = stand_in.agent.userauth(&username, &stand_in.key);
        if result.as_ref().is_err_and(|e| code(e) == raw::LIBSSH2_ERROR_EAGAIN) {
            return Err(Fault::Again);
        }
        let requests = stand_in.requests().map_err(not_made)?;
        *engine.agent() = None;
        // A second one, with the signature given, is for another algorithm than the agent's.
        let unanswered = requests.into_iter().nth(usize::from(signature.is_some()));
        match (result, unanswered) {
            (Err(error), Some(request))
                if code(&error) == raw::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED =>
            {
                Ok(Pass::MustSign(request))
            }
            (Err(error), _) if is_unusable_key(&error) => Ok(Pass::Ended(Reply::Refused(""))),
            (result, _) => reply(engine, result).map(Pass::Ended),
        }
    }
}

impl StandIn {
    /// Connects libssh2 to us. Blocks on files.
    fn new(session: &Session, key: &[u8], signature: Option<&[u8]>) -> io::Result<Self> {
        // libssh2 finds an agent by its path only. Nobody else can enter the directory, and it is
        // gone when this function returns.
        let mode = std::fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix("ssh-").permissions(mode).tempdir()?;
        let path = directory.path().join("agent");
        let listener = UnixListener::bind(&path)?;
        let mut agent = session.agent()?;
        agent.set_identity_path(&path)?;
        agent.connect()?;
        let (mut ours, _) = listener.accept()?;
        ours.set_nonblocking(true)?;
        let refusal = [SSH_AGENT_FAILURE];
        let list = [&[SSH_AGENT_IDENTITIES_ANSWER, 0, 0, 0, 1][..], &message(key)?, &message(b"")?];
        // Refusals for whatever it may ask beyond what is expected: it must never find nothing.
        for answer in [&list.concat(), signature.unwrap_or(&refusal), &refusal, &refusal] {
            ours.write_all(&message(answer)?)?;
        }
        agent.list_identities()?;
        let key = agent.identities()?.pop().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { agent, key, ours })
    }

    /// What libssh2 has asked to be signed.
    fn requests(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut bytes = Vec::new();
        match (&self.ours).take(REQUESTS_BYTES_MAX).read_to_end(&mut bytes) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let (mut rest, mut found) = (&bytes[..], Vec::new());
        while let Some((length, tail)) = rest.split_first_chunk() {
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(io::Error::other)?;
            let (request, tail) =
                tail.split_at_checked(length).ok_or(io::ErrorKind::InvalidData)?;
            if request.first() == Some(&SSH_AGENTC_SIGN_REQUEST) {
                found.push(request.to_vec());
            }
            rest = tail;
        }
        Ok(found)
    }
}

/// `bytes` with their length before them, as agents and SSH write both messages and strings.
fn message(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok([&length.to_be_bytes(), bytes].concat())
}

fn code(error: &ssh2::Error) -> i32 {
    match error.code() {
        ErrorCode::Session(code) | ErrorCode::SFTP(code) => code,
    }
}

fn not_made(error: io::Error) -> Fault {
    let message = format!("cannot hand an agent's keys to the SSH library: {error}");
    Fault::Failed(Error::Local { phase: Phase::Authentication, message })
}
