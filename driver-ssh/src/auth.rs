use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use libssh2_sys as raw;
use pool_core::{Context, Credentials, Error, Phase, PrivateKey, PrivateKeySource, Result, Secret};
use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt};

use crate::engine::{Engine, Fault};
use crate::error::{session_error, shown};
use crate::session::SshSession;

/// The largest private key file, in bytes. An RSA key of 16384 bits has 13 KiB.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// How many rounds of questions a peer gets answers to. Real ones ask once, some twice.
const PROMPT_ROUNDS_MAX: usize = 4;

/// Logs in with whatever the credentials hold and the peer offers: first the private key, then
/// the password, by the `password` method if the peer offers that and by `keyboard-interactive`
/// if not.
///
/// A password that was refused is not tried again by the other method: devices ask the same
/// server about it, and locking the account takes half as many checks.
///
/// # Errors
///
/// `Authentication` when the peer refuses; it names the methods tried and those offered. `Local`
/// when the private key cannot be used and nothing else was left to try.
///
/// # Cancel safety
///
/// Not cancel safe: dropping the future kills the session.
pub(crate) async fn authenticate(
    ctx: &Context,
    session: &mut SshSession,
    credentials: &Credentials,
) -> Result<()> {
    let username = credentials.username.clone();
    let query = move |engine: &mut Engine| offered_methods(engine, &username);
    let Some(offered) = session.drive(ctx, Phase::Authentication, query).await? else {
        return Ok(());
    };
    let mut attempts = Attempts { offered, tried: Vec::new(), unusable_key: None };

    if let Some(key) = &credentials.private_key
        && attempts.is_offered("publickey")
    {
        let work = by_public_key(credentials.username.clone(), key.clone());
        let reply = session.drive(ctx, Phase::Authentication, work).await?;
        if attempts.note("publickey", reply) {
            return Ok(());
        }
    }
    if let Some(password) = &credentials.password {
        if attempts.is_offered("password") {
            let work = by_password(credentials.username.clone(), password.clone());
            let reply = session.drive(ctx, Phase::Authentication, work).await?;
            if attempts.note("password", reply) {
                return Ok(());
            }
        } else if attempts.is_offered("keyboard-interactive") {
            let work = by_questions(credentials.username.clone(), password.clone());
            let reply = session.drive(ctx, Phase::Authentication, work).await?;
            if attempts.note("keyboard-interactive", reply) {
                return Ok(());
            }
        }
    }
    Err(attempts.into_error(&credentials.username))
}

/// The methods the peer offers, or `None` when it lets this user in without any.
fn offered_methods(engine: &mut Engine, username: &str) -> Result<Option<String>, Fault> {
    let session = engine.session();
    match session.auth_methods(username) {
        Ok(offered) => Ok(Some(offered.to_owned())),
        // Asking is itself an attempt, and may succeed.
        Err(_) if session.authenticated() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a peer said to one method.
enum Reply {
    Accepted,
    Refused(&'static str),
    UnusableKey(String),
}

struct Attempts {
    offered: String,
    tried: Vec<String>,
    unusable_key: Option<String>,
}

impl Attempts {
    fn is_offered(&self, method: &str) -> bool {
        self.offered.split(',').any(|offered| offered.trim() == method)
    }

    /// Notes how `method` ended; returns whether we are in.
    fn note(&mut self, method: &str, reply: Reply) -> bool {
        match reply {
            Reply::Accepted => return true,
            Reply::Refused("") => self.tried.push(method.to_owned()),
            Reply::Refused(detail) => self.tried.push(format!("{method} ({detail})")),
            Reply::UnusableKey(detail) => self.unusable_key = Some(detail),
        }
        false
    }

    fn into_error(self, username: &str) -> Error {
        let tried =
            if self.tried.is_empty() { "nothing".to_owned() } else { self.tried.join(", ") };
        let offered = shown(self.offered.as_bytes());
        let refused = format!("tried {tried}; the device offers {offered}");
        match self.unusable_key {
            Some(detail) if self.tried.is_empty() => {
                Error::Local { phase: Phase::Authentication, message: detail }
            }
            Some(detail) => Error::Authentication {
                username: username.to_owned(),
                message: format!("{refused}; {detail}"),
            },
            None => Error::Authentication { username: username.to_owned(), message: refused },
        }
    }
}

fn by_password(
    username: String,
    password: Secret,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    move |engine| {
        let result = engine.session().userauth_password(&username, password.expose());
        reply(engine, result)
    }
}

fn by_questions(
    username: String,
    password: Secret,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    let mut answers = Answers { password, rounds: 0 };
    move |engine| {
        let result = engine.session().userauth_keyboard_interactive(&username, &mut answers);
        reply(engine, result)
    }
}

fn by_public_key(
    username: String,
    key: PrivateKey,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    let mut text: Option<Secret> = None;
    move |engine| {
        let text = match &mut text {
            Some(text) => text,
            empty @ None => match read_key(&key.source) {
                Ok(read) => empty.insert(read),
                Err(detail) => return Ok(Reply::UnusableKey(detail)),
            },
        };
        let passphrase = key.passphrase.as_ref().map(Secret::expose);
        let session = engine.session();
        match session.userauth_pubkey_memory(&username, None, text.expose(), passphrase) {
            // libssh2 does not tell a wrong passphrase from a file that is no key.
            Err(error) if is_unusable_key(&error) => Ok(Reply::UnusableKey(format!(
                "cannot use {}, its format or its passphrase is wrong: {}",
                origin(&key.source),
                error.message()
            ))),
            result => reply(engine, result),
        }
    }
}

fn reply(engine: &mut Engine, result: Result<(), ssh2::Error>) -> Result<Reply, Fault> {
    match result {
        Ok(()) if engine.session().authenticated() => Ok(Reply::Accepted),
        Ok(()) => Ok(Reply::Refused("more is required")),
        Err(error) => match error.code() {
            ErrorCode::Session(
                raw::LIBSSH2_ERROR_AUTHENTICATION_FAILED | raw::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED,
            ) => Ok(Reply::Refused("")),
            ErrorCode::Session(raw::LIBSSH2_ERROR_PASSWORD_EXPIRED) => {
                Ok(Reply::Refused("the password has expired"))
            }
            ErrorCode::Session(raw::LIBSSH2_ERROR_EAGAIN) => Err(Fault::Again),
            _ => Err(Fault::Failed(session_error(&error, Phase::Authentication))),
        },
    }
}

/// Whether libssh2 could not even offer the key: not a private key, of a type it does not know,
/// or encrypted with another passphrase.
fn is_unusable_key(error: &ssh2::Error) -> bool {
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

/// Answers what looks like a question for the password, and nothing else.
struct Answers {
    password: Secret,
    rounds: usize,
}

impl KeyboardInteractivePrompt for Answers {
    fn prompt<'a>(&mut self, _: &str, _: &str, prompts: &[Prompt<'a>]) -> Vec<String> {
        self.rounds += 1;
        let exhausted = self.rounds > PROMPT_ROUNDS_MAX;
        let answer = |prompt: &Prompt<'_>| {
            let wanted = !exhausted && asks_for_password(&prompt.text, prompt.echo);
            if wanted { self.password.expose().to_owned() } else { String::new() }
        };
        prompts.iter().map(answer).collect()
    }
}

fn asks_for_password(text: &str, echo: bool) -> bool {
    let text = text.to_lowercase();
    // A device that wants the password changed asks for a new one.
    (!echo || text.contains("password")) && !text.contains("new password")
}
