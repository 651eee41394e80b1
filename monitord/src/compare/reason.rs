//! Why both sides may differ: what docs/migration.md says of the predecessor.

use std::fmt;

use serde::Serialize;

use super::Said::{Loss, Status};
use super::{Check, Said};

/// A reason that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    PartialLoss,
    DeadOnNxos,
    Milliseconds,
    RefusedCommand,
    Changed,
    Gap,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PartialLoss => "partial loss, reported as 0 or 100",
            Self::DeadOnNxos => "a dead line on NX-OS, reported as 0",
            Self::Milliseconds => "slower than the 2 ms that it had to answer in",
            Self::RefusedCommand => "a refused command, reported as ParseResultFailed",
            Self::Changed => "the line may have changed between the two checks",
            Self::Gap => "nothing reported, where monitord has a status",
        })
    }
}

/// Two checks of a line that differ, and what was before and after them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Differing<'a> {
    pub(crate) platform: &'a str,
    pub(crate) here: &'a Check,
    pub(crate) there: &'a Check,
    /// The check of this side on the other side of `there` in time, if it is near.
    pub(crate) across_here: Option<&'a Said>,
    /// The same, of the other side and `here`.
    pub(crate) across_there: Option<&'a Said>,
}

/// Why they differ, as far as it can be told.
pub(crate) fn why(differing: &Differing<'_>) -> Option<Reason> {
    let Differing { platform, here, there, across_here, across_there } = *differing;
    let counts_milliseconds = matches!(platform, "huawei_vrp" | "h3c_comware" | "hp_comware");
    match (&here.said, &there.said) {
        (Loss(1..=99), Loss(0 | 100)) => Some(Reason::PartialLoss),
        (Loss(100), Loss(0)) if platform == "cisco_nxos" => Some(Reason::DeadOnNxos),
        (Loss(0), Loss(100)) if counts_milliseconds && here.is_slow => Some(Reason::Milliseconds),
        (Status(ours), Status(theirs))
            if ours == "ExecutionError" && theirs == "ParseResultFailed" =>
        {
            Some(Reason::RefusedCommand)
        }
        // What one side saw is what the other one saw just before or after.
        (ours, theirs) if across_there == Some(ours) || across_here == Some(theirs) => {
            Some(Reason::Changed)
        }
        _ => None,
    }
}

/// Why there is nothing of the other side, as far as it can be told.
pub(crate) fn why_only_here(here: &Check) -> Option<Reason> {
    matches!(here.said, Status(_)).then_some(Reason::Gap)
}
