//! The options of a ping, as the table of a dialect lists them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::run::PingCommand;

/// Options by their names, which the reader of the dialect's syntax knows how to find.
pub(super) type Options = BTreeMap<String, OptionTable>;

/// One option.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionTable {
    pub(super) takes: Takes,
    /// The least and the greatest number.
    #[serde(default)]
    range: Option<(u32, u32)>,
}

/// What an option is, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Takes {
    /// Nothing follows.
    Nothing,
    /// Nothing follows, and only the summary is printed.
    Quiet,
    Count,
    Size,
    /// In seconds, which may be broken (`500ms`, `0.5`).
    Seconds,
    Milliseconds,
    /// Between packets, in seconds or milliseconds.
    IntervalSeconds,
    IntervalMilliseconds,
    /// RouterOS waits for each reply until the next packet is sent.
    Pace,
    Source,
    Vrf,
    Target,
    /// A value of no interest.
    Ignored,
}

impl OptionTable {
    /// Whether a value follows it.
    pub(super) fn has_value(&self) -> bool {
        !matches!(self.takes, Takes::Nothing | Takes::Quiet)
    }

    /// Notes the option and its value in `command`; `None` where it takes no such value.
    pub(super) fn apply(&self, value: &str, command: &mut PingCommand) -> Option<()> {
        match self.takes {
            Takes::Nothing | Takes::Ignored => {}
            Takes::Quiet => command.quiet = true,
            Takes::Count => command.count = Some(self.number(value)?),
            Takes::Size => command.size = self.number(value)?,
            Takes::Seconds => command.timeout = self.seconds(value)?,
            Takes::Milliseconds => command.timeout = self.milliseconds(value)?,
            Takes::IntervalSeconds => command.interval = self.seconds(value)?,
            Takes::IntervalMilliseconds => command.interval = self.milliseconds(value)?,
            Takes::Pace => {
                command.timeout = self.seconds(value.trim_end_matches('s'))?;
            }
            Takes::Source if value == "auto" => command.source = None,
            Takes::Source => command.source = Some(value.to_owned()),
            Takes::Vrf => command.vrf = Some(value.to_owned()),
            Takes::Target => value.clone_into(&mut command.target),
        }
        Some(())
    }

    fn number(&self, value: &str) -> Option<u32> {
        let (least, greatest) = self.range.unwrap_or((0, u32::MAX));
        value.parse().ok().filter(|number| (least..=greatest).contains(number))
    }

    fn milliseconds(&self, value: &str) -> Option<Duration> {
        self.number(value).map(|number| Duration::from_millis(number.into()))
    }

    /// Whole seconds within the range, or broken ones where there is none.
    fn seconds(&self, value: &str) -> Option<Duration> {
        match self.range {
            Some(_) => self.number(value).map(|number| Duration::from_secs(number.into())),
            None => value.parse().ok().and_then(|secs| Duration::try_from_secs_f64(secs).ok()),
        }
    }
}
