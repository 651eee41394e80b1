use pool_core::{ErrorKind, Phase};

use super::figures::Doubt;
use super::text::{head, tail};
use crate::{Failure, FailureKind};

/// Why a device's output gives no figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There is no definition for the platform.
    #[error("there is no definition for platform {0}")]
    UnknownPlatform(String),

    /// The device refused the command.
    #[error("the device refused the command: {message}")]
    Refused {
        /// Its own words.
        message: String,
    },

    /// The output is about something else.
    #[error("the output speaks of {found}, but {asked} was asked for")]
    OtherTarget {
        /// The target that was asked for.
        asked: String,
        /// What the output speaks of.
        found: String,
    },

    /// The output has no statistics, or not all of them.
    #[error("no complete statistics ({missing} missing) in output that ends with {tail:?}")]
    Incomplete {
        /// What is missing.
        missing: &'static str,
        /// The last of the output.
        tail: String,
    },

    /// Something else stands in the middle of the statistics, and may have broken into a number.
    #[error("the statistics are broken up by {line:?}, in output that ends with {tail:?}")]
    Disturbed {
        /// The line that is none of theirs.
        line: String,
        /// The last of the output.
        tail: String,
    },

    /// The statistics contradict themselves, or what was asked for.
    #[error("{contradiction}, in output that ends with {tail:?}")]
    Contradiction {
        /// What does not fit together.
        contradiction: String,
        /// The last of the output.
        tail: String,
    },
}

impl ParseError {
    /// The error for figures of `text` that cannot be believed.
    pub(in crate::task) fn new(doubt: Doubt, text: &str) -> Self {
        let tail = tail(text);
        match doubt {
            Doubt::Nothing => Self::Incomplete { missing: "all", tail },
            Doubt::Missing(missing) => Self::Incomplete { missing, tail },
            Doubt::Disturbed(line) => Self::Disturbed { line: head(&line), tail },
            Doubt::Contradiction(contradiction) => Self::Contradiction { contradiction, tail },
        }
    }

    /// Whether the session must not be used again, because what it printed may have been the
    /// answer to something else.
    pub(crate) fn breaks_connection(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::UnknownPlatform(_))
    }
}

impl From<&ParseError> for Failure {
    fn from(error: &ParseError) -> Self {
        let kind = match error {
            ParseError::Refused { .. } => FailureKind::Session(ErrorKind::Rejected),
            ParseError::OtherTarget { .. } => FailureKind::Session(ErrorKind::Desynchronised),
            _ => FailureKind::ParseResultFailed,
        };
        Self { kind, phase: Some(Phase::Read), message: error.to_string(), io: None }
    }
}
