//! A trial beside the predecessor: what monitord saw and told nobody, and what the predecessor
//! reported to Zabbix meanwhile.
//!
//! Checks of both are paired by their moments, line by line, and counted as equal, different, or
//! there on one side only. Nothing is written anywhere.

mod line;
mod page;
mod pairing;
mod reason;
mod summary;
mod theirs;
mod trial;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub(crate) use line::{Comparison, compare};
pub(crate) use page::page;
pub(crate) use summary::Summary;
pub(crate) use theirs::{Theirs, reported};
pub(crate) use trial::Trial;

/// The texts of the item for statuses.
const STATUSES: [&str; 6] = [
    "CheckTimeout",
    "ParseResultFailed",
    "ConnectionError",
    "ExecutionError",
    "RequestTimeout",
    "NoRouteToHost",
];
/// How much of a text that is none of them is kept, in characters.
const TEXT_CHARS_MAX: usize = 60;

/// What one check says to Zabbix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The loss in whole percent.
    Loss(u64),
    /// Why there is none.
    Status(Cow<'static, str>),
}

impl Said {
    /// The status of this text.
    fn status(text: &str) -> Self {
        match STATUSES.into_iter().find(|known| *known == text) {
            Some(known) => Self::Status(Cow::Borrowed(known)),
            None => Self::Status(text.chars().take(TEXT_CHARS_MAX).collect()),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(percent) => write!(f, "{percent}"),
            Self::Status(text) => f.write_str(text),
        }
    }
}

/// A check of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Its moment, in milliseconds since 1970. The predecessor's is when it was sent.
    pub(crate) at_ms: i64,
    pub(crate) said: Said,
    /// Whether an answer took longer than the predecessor lets some devices wait.
    pub(crate) is_slow: bool,
}

/// A stretch of time, in milliseconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_ms: i64,
    pub(crate) till_ms: i64,
}

impl Span {
    /// From the first of `moments` to the last, if there are any.
    fn of(moments: impl Iterator<Item = i64>) -> Option<Self> {
        moments.fold(None, |span: Option<Self>, at| {
            let Self { from_ms, till_ms } = span.unwrap_or(Self { from_ms: at, till_ms: at });
            let (from_ms, till_ms) = (Ord::min(from_ms, at), Ord::max(till_ms, at));
            Some(Self { from_ms, till_ms })
        })
    }

    /// What is in both.
    fn common(self, other: Self) -> Option<Self> {
        let from_ms = Ord::max(self.from_ms, other.from_ms);
        let till_ms = Ord::min(self.till_ms, other.till_ms);
        (from_ms <= till_ms).then_some(Self { from_ms, till_ms })
    }

    fn has(self, at_ms: i64) -> bool {
        (self.from_ms..=self.till_ms).contains(&at_ms)
    }

    /// What is left when so much is taken away at both ends; may be nothing.
    fn without_edges(self, edge_ms: i64) -> Self {
        Self { from_ms: self.from_ms + edge_ms, till_ms: self.till_ms - edge_ms }
    }
}
