//! The SSH agent: keys that sign without leaving it (draft-ietf-sshm-ssh-agent).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pool_core::{AgentSocket, Context, Error, ErrorKind, Phase, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::handover::{Pass, by_agent};
use super::key::{RSA_SHA1, Sha1Signatures};
use super::reply::Reply;
use crate::session::SshSession;

/// The largest message of an agent, in bytes, as OpenSSH has it (`AGENT_MAX_LEN`).
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The largest public key that is offered, in bytes. An RSA key of 16384 bits has 2 KiB.
const KEY_BYTES_MAX: usize = 16 * 1024;
/// How often a device is asked about keys of the agent. OpenSSH hangs up after six refusals
/// (`MaxAuthTries`), and a method after this one needs a try, too.
const OFFERS_MAX: usize = 5;
/// The signatures of RSA keys that are tried first (RFC 8332).
const RSA_SHA2: &str = "rsa-sha2-512,rsa-sha2-256";
/// How long an agent may take for one answer: to touch a security key.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

const SSH_AGENTC_REQUEST_IDENTITIES: u8 = 11;
pub(super) const SSH_AGENT_IDENTITIES_ANSWER: u8 = 12;
const SSH_AGENT_SIGN_RESPONSE: u8 = 14;

/// One key of the agent, as the peer is asked about it.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) key: Vec<u8>,
    /// The signatures that may be made by it if it is an RSA key. Others have one kind only.
    pub(super) rsa_signatures: &'static str,
}

impl Offer {
    /// The offers of `key`, one after another: an RSA key that is refused is offered once more to
    /// sign with SHA-1, if `sha1` allows it, as a key of ours is.
    fn of(key: Vec<u8>, sha1: Sha1Signatures) -> impl Iterator<Item = Self> {
        let is_rsa = split_string(&key).is_some_and(|(kind, _)| kind == RSA_SHA1.as_bytes());
        let again = (is_rsa && sha1.is_allowed())
            .then(|| Self { key: key.clone(), rsa_signatures: RSA_SHA1 });
        [Self { key, rsa_signatures: RSA_SHA2 }].into_iter().chain(again)
    }
}

/// Logs in with the first key of the agent that the peer accepts.
///
/// # Errors
///
/// Whatever breaks the session. An agent that cannot be used is a [`Reply`].
///
/// # Cancel safety
///
/// Not cancel safe: dropping the future kills the session.
pub(super) async fn log_in(
    ctx: &Context,
    session: &mut SshSession,
    username: &str,
    socket: &AgentSocket,
    sha1: Sha1Signatures,
) -> Result<Reply> {
    let mut agent = match Agent::connect(ctx, socket).await? {
        Ok(agent) => agent,
        Err(problem) => return Ok(Reply::Unusable(problem)),
    };
    let keys = match agent.ask(ctx, &[SSH_AGENTC_REQUEST_IDENTITIES]).await? {
        Ok(answer) => parse_identities(&answer),
        Err(problem) => return Ok(Reply::Unusable(problem)),
    };
    let Some(keys) = keys else {
        return Ok(Reply::Unusable(agent.failed("its list of keys cannot be read")));
    };
    if keys.is_empty() {
        return Ok(Reply::Unusable(agent.failed("it holds no key")));
    }
    let usable = keys.into_iter().filter(|key| key.len() <= KEY_BYTES_MAX);
    for offer in usable.flat_map(|key| Offer::of(key, sha1)).take(OFFERS_MAX) {
        // First to learn what has to be signed. libssh2 would wait for the signature on a thread
        // that nothing can free, so it is told that there is none, and asked again with it.
        let first = by_agent(username.to_owned(), offer.clone(), None);
        let request = match session.drive_apart(ctx, Phase::Authentication, first).await? {
            Pass::Ended(Reply::Refused(_)) => continue,
            Pass::Ended(reply) => return Ok(reply),
            Pass::MustSign(request) => request,
        };
        let signature = match agent.ask(ctx, &request).await? {
            Ok(answer) if is_signature(&answer) => answer,
            Ok(_) => return Ok(Reply::Unusable(agent.failed("it refuses to sign"))),
            Err(problem) => return Ok(Reply::Unusable(problem)),
        };
        let second = by_agent(username.to_owned(), offer, Some(signature));
        match session.drive_apart(ctx, Phase::Authentication, second).await? {
            Pass::Ended(Reply::Refused(_)) => {}
            // Not the next key: this one may have been a step.
            Pass::Ended(reply) => return Ok(reply),
            Pass::MustSign(_) => {
                let problem = "it does not sign by the algorithm that the device accepts";
                return Ok(Reply::Unusable(agent.failed(problem)));
            }
        }
    }
    Ok(Reply::Refused(""))
}

/// A connection to an agent. It is a socket like any other: nothing waits for it on a thread, and
/// every answer has a time limit.
#[derive(Debug)]
struct Agent {
    stream: UnixStream,
    path: PathBuf,
}

impl Agent {
    async fn connect(ctx: &Context, socket: &AgentSocket) -> Result<Result<Self, String>> {
        let path = match socket {
            AgentSocket::Path(path) => path.clone(),
            AgentSocket::Environment => match std::env::var_os("SSH_AUTH_SOCK") {
                Some(path) => PathBuf::from(path),
                None => return Ok(Err("no SSH agent: SSH_AUTH_SOCK is not set".to_owned())),
            },
        };
        let stream = within(ctx, &path, UnixStream::connect(&path)).await?;
        Ok(stream.map(|stream| Self { stream, path }))
    }

    /// The answer to `request`: one message each, without its length.
    async fn ask(&mut self, ctx: &Context, request: &[u8]) -> Result<Result<Vec<u8>, String>> {
        let Self { stream, path } = self;
        let exchange = async {
            let length = u32::try_from(request.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes(), request].concat()).await?;
            let length = usize::try_from(stream.read_u32().await?).map_err(io::Error::other)?;
            if length > MESSAGE_BYTES_MAX {
                return Err(io::Error::other("its answer is larger than 256 KiB"));
            }
            let mut answer = vec![0; length];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        };
        within(ctx, path, exchange).await
    }

    fn failed(&self, problem: &str) -> String {
        failed(&self.path, &problem)
    }
}

/// Waits for the agent, and for no more than half of the time that is left: somebody has to say
/// that it was the agent that was silent, and another method may do.
async fn within<T>(
    ctx: &Context,
    path: &Path,
    work: impl Future<Output = io::Result<T>>,
) -> Result<Result<T, String>> {
    let patience = ANSWER_TIME_MAX.min(ctx.remaining() / 2);
    let waited = ctx.capped(patience).run(Phase::Authentication, async { Ok(work.await) }).await;
    match waited {
        Ok(result) => Ok(result.map_err(|error| failed(path, &error))),
        Err(error) if error.kind() == ErrorKind::DeadlineExceeded => {
            ctx.check(Phase::Authentication)?;
            Ok(Err(failed(path, &format_args!("it does not answer within {patience:.1?}"))))
        }
        Err(error) => Err::<_, Error>(error),
    }
}

fn failed(path: &Path, problem: &dyn std::fmt::Display) -> String {
    format!("cannot use the SSH agent at {}: {problem}", path.display())
}

/// The public keys in an agent's answer.
fn parse_identities(answer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let rest = answer.strip_prefix(&[SSH_AGENT_IDENTITIES_ANSWER])?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (key, tail) = split_string(rest)?;
        let (_comment, tail) = split_string(tail)?;
        keys.push(key.to_vec());
        rest = tail;
    }
    Some(keys)
}

/// Whether `answer` is a signature in good form: libssh2, which takes it from here, is not strict.
fn is_signature(answer: &[u8]) -> bool {
    let signature = answer.strip_prefix(&[SSH_AGENT_SIGN_RESPONSE]).and_then(split_string);
    let Some((signature, [])) = signature else { return false };
    let Some((_algorithm, value)) = split_string(signature) else { return false };
    answer.len() <= KEY_BYTES_MAX && split_string(value).is_some()
}

/// The string at the beginning of `bytes` (RFC 4251, section 5), and what follows it.
fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear;

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    #[test]
    fn identities_are_read_and_a_cut_answer_is_none() {
        let keys = [string(b"key 1"), string(b"me"), string(b"key 2"), string(b"")].concat();
        let answer = [&[SSH_AGENT_IDENTITIES_ANSWER, 0, 0, 0, 2][..], &keys].concat();
        assert_eq!(parse_identities(&answer).unwrap(), [b"key 1", b"key 2"]);
        for end in 0..answer.len() {
            assert_eq!(parse_identities(&answer[..end]), None);
        }
        assert_eq!(parse_identities(&[5]), None, "the agent's refusal");
    }

    #[test]
    fn rsa_keys_alone_are_offered_again_and_only_where_sha1_is_allowed() {
        let offers = |kind: &[u8], sha1| -> Vec<_> {
            let key = [string(kind), string(b"...")].concat();
            Offer::of(key, sha1).map(|offer| offer.rsa_signatures).collect()
        };
        assert_eq!(offers(b"ssh-rsa", Sha1Signatures::Allowed), [RSA_SHA2, RSA_SHA1]);
        assert_eq!(offers(b"ssh-rsa", Sha1Signatures::Refused), [RSA_SHA2]);
        assert_eq!(offers(b"ssh-ed25519", Sha1Signatures::Allowed), [RSA_SHA2]);
    }

    #[test]
    fn a_signature_must_be_in_good_form() {
        let inner = [string(b"ssh-ed25519"), string(&[7; 64])].concat();
        let answer = [&[SSH_AGENT_SIGN_RESPONSE][..], &string(&inner)].concat();
        assert!(is_signature(&answer));
        for end in 0..answer.len() {
            assert!(!is_signature(&answer[..end]));
        }
    }

    #[test]
    fn the_time_to_read_an_answer_grows_with_its_length_only() {
        let list = |parts: usize, key: &[u8]| {
            let pair = [string(key), string(b"")].concat();
            let head = [SSH_AGENT_IDENTITIES_ANSWER, 0xff, 0xff, 0xff, 0xff];
            [&head[..], &pair.repeat(parts)].concat()
        };
        linear::check(|parts| list(parts, b""), parse_identities);
        linear::check(|parts| list(parts, &[7; 51]), parse_identities);
        let answer = |parts: usize| {
            let value = [string(b"x"), string(&vec![7; 64 * parts])].concat();
            [&[SSH_AGENT_SIGN_RESPONSE][..], &string(&value)].concat()
        };
        // In one comparison of lengths, however long it is.
        assert!(is_signature(&answer(1)) && !is_signature(&answer(1 << 14)));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes: Vec<u8>) {
            parse_identities(&bytes);
            is_signature(&bytes);
        }
    }
}
