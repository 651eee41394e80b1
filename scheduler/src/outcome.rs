use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use pool_core::{Error, ErrorKind, Phase, Platform, Protocol};

use crate::{
    Figures, InterfaceFigures, LineId, LineStatus, Measurement, RouterName, RouterStatus, Target,
    TaskKind,
};

/// How one scheduled check ended. Every scheduled check has exactly one.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The line.
    pub line: LineId,
    /// Its far end.
    pub target: Target,
    /// The router it was checked from.
    pub router: RouterName,
    /// The router's platform.
    pub platform: Platform,
    /// How commands reach the router.
    pub protocol: Protocol,
    /// What was run, or to be run.
    pub task: TaskKind,
    /// When the check was due.
    pub scheduled_at: Timestamp,
    /// When it began; absent when it was skipped.
    pub started_at: Option<Timestamp>,
    /// From its beginning to its end.
    pub duration: Duration,
    /// How long it waited for a session, the making of one included.
    pub wait: Duration,
    /// How long the making of a session took, when the check waited for that.
    pub connect: Option<Duration>,
    /// Whether the session had been used before; absent when the check got none.
    pub reused: Option<bool>,
    /// The end itself.
    pub result: CheckResult,
    /// Why it was due.
    pub trigger: Trigger,
    /// What is known of the line after it.
    pub line_status: LineStatus,
    /// What is known of the router after it.
    pub router_status: RouterStatus,
}

/// Why a check was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// Its line's rhythm. For each due time there is exactly one outcome.
    #[default]
    Schedule,
    /// The check before it contradicted the state of the line. It has no due time of its own:
    /// `scheduled_at` is its beginning.
    Recheck,
    /// Somebody [asked](crate::Checker::check_now) for it. It has no due time of its own either.
    CheckNow,
}

impl Trigger {
    /// The stable name used in outcomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Recheck => "recheck",
            Self::CheckNow => "check_now",
        }
    }
}

/// The three ways a check can end.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckResult {
    /// The device did as it was asked, and its figures were read.
    Measured(Figures),
    /// The check was tried and no figures came of it.
    Failed(Failure),
    /// The check was not tried.
    Skipped(SkipReason),
}

impl CheckResult {
    /// What was seen of an interface, if that was looked at.
    pub fn interface(&self) -> Option<&InterfaceFigures> {
        match self {
            Self::Measured(figures) => figures.interface(),
            _ => None,
        }
    }

    /// What a ping measured, if it was one and it did.
    pub fn ping(&self) -> Option<&Measurement> {
        match self {
            Self::Measured(figures) => figures.ping(),
            _ => None,
        }
    }
}

/// Why a check that was tried gave no figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Where, if it went wrong in a phase of a session.
    pub phase: Option<Phase>,
    /// The whole story in one line: the error and its causes.
    pub message: String,
    /// What the operating system said, if it is the cause: tells an unreachable network from a
    /// refused connection.
    pub io: Option<io::ErrorKind>,
}

/// What went wrong with a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The session, or getting one.
    Session(ErrorKind),
    /// The device's output has no figures that can be read with certainty.
    ParseResultFailed,
    /// The check itself panicked.
    Panicked,
}

impl FailureKind {
    /// The stable name used in outcomes and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session(kind) => kind.as_str(),
            Self::ParseResultFailed => "ParseResultFailed",
            Self::Panicked => "Panicked",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            kind: FailureKind::Session(error.kind()),
            phase: phase(error),
            message: with_causes(error),
            io: io_kind(error),
        }
    }
}

/// Where it went wrong. Waiting for a session is not where: then it is where the attempt to make
/// one was, or failed, if there was one.
fn phase(error: &Error) -> Option<Phase> {
    match error {
        Error::DeadlineExceeded { phase: Phase::Acquire, last: Some(last), .. } => {
            phase(last).or(Some(Phase::Acquire))
        }
        error => error.phase(),
    }
}

/// The kind of the operating system's error that is at the bottom of `error`.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    match error {
        Error::Connect { source, .. } | Error::Resolve { source, .. } => Some(source.kind()),
        Error::DeadlineExceeded { last: Some(last), .. } => io_kind(last),
        _ => None,
    }
}

/// The error and its causes, outermost first, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Why a check was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// The router had not kept up: the check's next due time came before a session was free.
    Overrun,
    /// The process is shutting down.
    ShuttingDown,
    /// The line was removed from the inventory, or moved to another router, after the due time
    /// had come.
    Withdrawn,
}

impl SkipReason {
    /// The stable name used in outcomes and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overrun => "overrun",
            Self::ShuttingDown => "shutting_down",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(phase: Phase, last: Option<Error>) -> Error {
        Error::DeadlineExceeded { phase, elapsed: Duration::from_secs(4), last: last.map(Box::new) }
    }

    #[test]
    fn a_failure_names_the_phase_the_login_was_stuck_in() {
        let error = timeout(Phase::Acquire, Some(timeout(Phase::KeyExchange, None)));
        let failure = Failure::from(&error);
        assert_eq!(failure.kind, FailureKind::Session(ErrorKind::DeadlineExceeded));
        assert_eq!(failure.phase, Some(Phase::KeyExchange));
        assert_eq!(
            failure.message,
            "deadline exceeded in phase acquire after 4.0s: \
             deadline exceeded in phase key_exchange after 4.0s"
        );
    }

    #[test]
    fn a_failure_names_acquire_when_every_session_is_lent() {
        let failure = Failure::from(&timeout(Phase::Acquire, None));
        assert_eq!(failure.phase, Some(Phase::Acquire));
    }
}
