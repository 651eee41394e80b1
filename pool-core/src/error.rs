use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::{ConfigProblem, ErrorKind, HostKeyProblem, Phase};

/// The result of every fallible operation of this crate's traits.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a session, or the making of one, did not succeed.
///
/// [`kind`](Self::kind) and [`phase`](Self::phase) are stable through every layer; `Display`
/// states this error only, its cause is in [`source`](std::error::Error::source). An error is
/// cheap to clone, because one failed login answers everyone who waited for it.
///
/// No variant ever holds a secret. Texts of a peer are cut to a bounded length by whoever makes
/// the error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The deadline of the operation passed while it was in `phase`.
    #[error("deadline exceeded in phase {phase} after {elapsed:.1?}")]
    DeadlineExceeded {
        /// Where it waited.
        phase: Phase,
        /// How long the operation had run.
        elapsed: Duration,
        /// When it waited for somebody else's attempt: how the latest attempt ended.
        #[source]
        last: Option<Box<Error>>,
    },

    /// The operation was cancelled while it was in `phase`.
    #[error("cancelled in phase {phase}")]
    Cancelled {
        /// Where it waited.
        phase: Phase,
    },

    /// The host name could not be turned into an address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: Arc<io::Error>,
    },

    /// No TCP connection could be opened.
    #[error("cannot connect to {address}")]
    Connect {
        /// The address, with its port.
        address: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The peer does not speak the protocol, or breaks it.
    #[error("protocol error in phase {phase}: {message}")]
    Protocol {
        /// Where.
        phase: Phase,
        /// What the protocol library said.
        message: String,
    },

    /// The peer closed or reset the connection.
    #[error("the peer closed the connection in phase {phase}{}", Detail(.message))]
    Disconnected {
        /// Where.
        phase: Phase,
        /// What the peer or the protocol library said; empty when nothing was said.
        message: String,
    },

    /// The peer's host key is not the expected one.
    #[error("host key of {host} refused: {problem}")]
    HostKey {
        /// The peer, as it is written in `known_hosts`.
        host: String,
        /// What is wrong.
        problem: HostKeyProblem,
    },

    /// It went wrong at the jump host, or on the way to it, and not at the device. Kind and phase
    /// are those of the cause.
    #[error("at the jump host {host}")]
    JumpHost {
        /// The jump host, with its port.
        host: String,
        /// What went wrong there.
        #[source]
        cause: Box<Error>,
    },

    /// The peer refused the login.
    #[error("authentication failed for user {username}: {message}")]
    Authentication {
        /// The user name that was tried.
        username: String,
        /// Which methods were tried and which the peer offered.
        message: String,
    },

    /// The device has no session left for us (VTY lines, `MaxSessions`, a login limit).
    #[error("the device is busy in phase {phase}: {message}")]
    Busy {
        /// Where it said so.
        phase: Phase,
        /// The device's own words.
        message: String,
    },

    /// The device refused the command. The session stays good.
    #[error("the device rejected `{command}`: {message}")]
    Rejected {
        /// The command.
        command: String,
        /// The device's own words.
        message: String,
    },

    /// What the device sent does not fit what was asked. The session cannot be trusted any more.
    #[error("lost step with the device in phase {phase}: expected {expected}, got {received:?}")]
    Desynchronised {
        /// Where.
        phase: Phase,
        /// What was waited for.
        expected: String,
        /// The last of what came instead.
        received: String,
    },

    /// A command printed more than the request allows.
    #[error("output is larger than {limit} bytes")]
    OutputLimit {
        /// The limit, in bytes.
        limit: usize,
    },

    /// Nothing here can do what was asked, and trying again will not change that.
    #[error("unsupported: {what}")]
    Unsupported {
        /// What was asked.
        what: String,
    },

    /// A request or a configuration is not valid.
    #[error("invalid configuration: {}", ConfigProblem::join(.0))]
    InvalidConfig(Vec<ConfigProblem>),

    /// Making sessions has failed so often, or so finally, that the device is left alone for a
    /// while. Nothing was tried for this caller. [`kind`](Self::kind) and [`phase`](Self::phase)
    /// are those of the cause.
    #[error(
        "left alone after {attempts} failed attempts, the latest {age:.1?} ago{}; next try in \
         {next_try:.1?}", InPhase(.cause)
    )]
    GateShut {
        /// Failed attempts in a row.
        attempts: u32,
        /// How long ago the latest of them failed.
        age: Duration,
        /// When the next attempt may be made, from now.
        next_try: Duration,
        /// How the latest attempt failed.
        #[source]
        cause: Box<Error>,
    },

    /// The pool is closed.
    #[error("the pool is closed")]
    Closed,

    /// Our own side failed: out of file descriptors or threads, an unreadable key file, a panic.
    #[error("local failure in phase {phase}: {message}")]
    Local {
        /// Where.
        phase: Phase,
        /// What failed.
        message: String,
    },
}

impl Error {
    /// What went wrong, without the details.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::DeadlineExceeded { .. } => ErrorKind::DeadlineExceeded,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Resolve { .. } => ErrorKind::Resolve,
            Self::Connect { .. } => ErrorKind::Connect,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::Disconnected { .. } => ErrorKind::Disconnected,
            Self::HostKey { .. } => ErrorKind::HostKey,
            Self::Authentication { .. } => ErrorKind::Authentication,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Rejected { .. } => ErrorKind::Rejected,
            Self::Desynchronised { .. } => ErrorKind::Desynchronised,
            Self::OutputLimit { .. } => ErrorKind::OutputLimit,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::InvalidConfig(_) => ErrorKind::InvalidConfig,
            Self::Closed => ErrorKind::Closed,
            Self::Local { .. } => ErrorKind::Local,
            Self::JumpHost { cause, .. } | Self::GateShut { cause, .. } => cause.kind(),
        }
    }

    /// Where it went wrong, if it went wrong in a phase of a session.
    pub fn phase(&self) -> Option<Phase> {
        match self {
            Self::DeadlineExceeded { phase, .. }
            | Self::Cancelled { phase }
            | Self::Protocol { phase, .. }
            | Self::Disconnected { phase, .. }
            | Self::Busy { phase, .. }
            | Self::Desynchronised { phase, .. }
            | Self::Local { phase, .. } => Some(*phase),
            Self::Resolve { .. } => Some(Phase::Resolve),
            Self::Connect { .. } => Some(Phase::Connect),
            Self::HostKey { .. } => Some(Phase::HostKey),
            Self::Authentication { .. } => Some(Phase::Authentication),
            Self::Rejected { .. } | Self::OutputLimit { .. } => Some(Phase::Read),
            Self::JumpHost { cause, .. } | Self::GateShut { cause, .. } => cause.phase(),
            Self::Unsupported { .. } | Self::InvalidConfig(_) | Self::Closed => None,
        }
    }

    /// Whether a later attempt may succeed with nothing changed on our side.
    ///
    /// A wrong password, a changed host key or a missing driver will not heal by themselves, and
    /// trying again may lock the account.
    pub fn is_transient(&self) -> bool {
        match self.kind() {
            ErrorKind::DeadlineExceeded
            | ErrorKind::Resolve
            | ErrorKind::Connect
            | ErrorKind::Protocol
            | ErrorKind::Disconnected
            | ErrorKind::Busy
            | ErrorKind::Desynchronised
            | ErrorKind::Local => true,
            ErrorKind::Cancelled
            | ErrorKind::HostKey
            | ErrorKind::Authentication
            | ErrorKind::Rejected
            | ErrorKind::OutputLimit
            | ErrorKind::Unsupported
            | ErrorKind::InvalidConfig
            | ErrorKind::Closed => false,
        }
    }

    /// Whether a session whose command ended with this error must not be used again.
    ///
    /// Only two errors are known to leave it where it was: the device refused the command and
    /// showed its prompt again, or the request was refused before a byte was sent. Everything
    /// else, and above all a command cut short, leaves the session in an unknown state.
    pub fn breaks_connection(&self) -> bool {
        !matches!(self.kind(), ErrorKind::Rejected | ErrorKind::InvalidConfig)
    }

    /// The jump host at which it went wrong, with its port; `None` when it was the device.
    pub fn jump_host(&self) -> Option<&str> {
        match self {
            Self::JumpHost { host, .. } => Some(host),
            Self::GateShut { cause, .. } => cause.jump_host(),
            Self::DeadlineExceeded { last: Some(last), .. } => last.jump_host(),
            _ => None,
        }
    }

    /// This error, if it is a passed deadline, with how the latest attempt that was waited for
    /// had ended. Other errors are returned as they are.
    #[must_use]
    pub fn with_last(self, latest: Option<Error>) -> Self {
        match (self, latest) {
            (Self::DeadlineExceeded { phase, elapsed, .. }, Some(latest)) => {
                Self::DeadlineExceeded { phase, elapsed, last: Some(Box::new(latest)) }
            }
            (error, _) => error,
        }
    }
}

/// Renders `": text"`, or nothing for an empty text.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

/// Renders `" in phase …"`, or nothing for an error without a phase.
struct InPhase<'a>(&'a Error);

impl fmt::Display for InPhase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.phase().map_or(Ok(()), |phase| write!(f, " in phase {phase}"))
    }
}

#[cfg(test)]
mod tests;
