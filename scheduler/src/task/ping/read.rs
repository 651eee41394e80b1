use regex::{Captures, Regex};

use pool_core::{ErrorKind, Phase};

use super::figures::{Doubt, Figures, Printed};
use super::target::Mentions;
use super::text::{head, lines, tail};
use crate::{Failure, FailureKind, Measurement, Target};

/// Reads the output of one platform's ping.
///
/// Only whole lines are matched. A line that begins a ping, or its statistics, sets aside
/// everything before it: text that an earlier command left behind cannot stand in for figures
/// that are missing.
#[derive(Debug)]
pub(super) struct Reader {
    /// Lines that begin a ping or its statistics and name its target (groups `target` and
    /// `address`); a group `untimed` marks a kind of ping without round-trip times.
    pub(super) begins: Vec<Regex>,
    /// Lines with figures, by named groups.
    pub(super) summary: Vec<Regex>,
    /// Lines with which the device refuses the command.
    pub(super) refusals: Vec<Regex>,
    /// Whether the percentage is always there.
    pub(super) loss: Printed,
    /// Whether round-trip times are always there when something was received.
    pub(super) rtt: Printed,
}

/// Why a device's output gives no figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There is no definition for the platform.
    #[error("there is no ping definition for platform {0}")]
    UnknownPlatform(String),

    /// The device refused the command.
    #[error("the device refused the ping: {message}")]
    Refused {
        /// Its own words.
        message: String,
    },

    /// The output is that of another ping.
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

    /// The statistics contradict themselves.
    #[error("{contradiction}, in output that ends with {tail:?}")]
    Contradiction {
        /// What does not fit together.
        contradiction: String,
        /// The last of the output.
        tail: String,
    },
}

impl ParseError {
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

/// What the lines of an output gave.
struct Reading {
    figures: Result<Figures, Doubt>,
    mentions: Mentions,
    refusal: Option<String>,
}

impl Reader {
    /// Reads `text`, the output of a ping of `target`.
    pub(super) fn read(
        &self,
        target: Option<&Target>,
        text: &str,
    ) -> Result<Measurement, ParseError> {
        let Reading { figures, mentions, refusal } = self.scan(target, text);
        if let (Some(asked), Some(found)) = (target, mentions.other()) {
            let (asked, found) = (asked.to_string(), found.to_owned());
            return Err(ParseError::OtherTarget { asked, found });
        }
        let measured = figures.and_then(|figures| figures.finish(self.loss, self.rtt));
        match (measured, refusal) {
            (Ok(measurement), _) if mentions.fits() => Ok(measurement),
            (Ok(_), _) => Err(incomplete("the target", text)),
            (Err(Doubt::Nothing), Some(message)) => Err(ParseError::Refused { message }),
            (Err(Doubt::Nothing), None) => Err(incomplete("all", text)),
            (Err(Doubt::Missing(missing)), _) => Err(incomplete(missing, text)),
            (Err(Doubt::Contradiction(contradiction)), _) => {
                Err(ParseError::Contradiction { contradiction, tail: tail(text) })
            }
        }
    }

    fn scan(&self, target: Option<&Target>, text: &str) -> Reading {
        let mentions = Mentions::new(target);
        let mut reading =
            Reading { figures: Ok(Figures::none_yet(false)), mentions, refusal: None };
        for line in lines(text) {
            if let Some(begin) = first_match(&self.begins, &line) {
                let untimed = begin.name("untimed").is_some();
                reading.figures = Ok(Figures::none_yet(untimed));
                let names = ["target", "address"].into_iter();
                let names = names.filter_map(|name| begin.name(name)).map(|name| name.as_str());
                reading.mentions.note(names);
            } else if let Some(summary) = first_match(&self.summary, &line) {
                if let Ok(figures) = &mut reading.figures
                    && let Err(doubt) = figures.take(&summary)
                {
                    reading.figures = Err(doubt);
                }
            } else if reading.refusal.is_none() && first_match(&self.refusals, &line).is_some() {
                reading.refusal = Some(head(&line));
            }
        }
        reading
    }
}

fn first_match<'a>(patterns: &[Regex], line: &'a str) -> Option<Captures<'a>> {
    patterns.iter().find_map(|pattern| pattern.captures(line))
}

fn incomplete(missing: &'static str, text: &str) -> ParseError {
    ParseError::Incomplete { missing, tail: tail(text) }
}
