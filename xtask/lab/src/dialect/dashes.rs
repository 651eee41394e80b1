use std::ops::RangeInclusive;
use std::time::Duration;

use super::Line;
use super::run::PingCommand;

/// An option in front of the target of a ping, as on VRP and Comware.
#[derive(Debug)]
pub(super) struct Dash {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
}

/// What follows a [`Dash`].
#[derive(Debug)]
pub(super) enum Takes {
    Nothing,
    /// Nothing; only the summary is printed.
    Quiet,
    Count(RangeInclusive<u32>),
    Size(RangeInclusive<u32>),
    /// Milliseconds.
    Timeout(RangeInclusive<u32>),
    /// Milliseconds.
    Interval(RangeInclusive<u32>),
    Source,
    Vrf,
    /// A value of no interest.
    Ignored,
}

/// Why a line is not a command, with the index of the word at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Parameter(usize),
    TooMany(usize),
    Incomplete,
}

/// Reads `ping [ip|ipv6] [-option [value]]... HOST`; `None` when the line is another command.
pub(super) fn read(
    options: &[Dash],
    line: &Line<'_>,
    command: PingCommand,
) -> Option<Result<PingCommand, Wrong>> {
    let words = line.words();
    (*words.first()? == "ping").then(|| read_words(options, &words, command))
}

fn read_words(
    options: &[Dash],
    words: &[&str],
    mut command: PingCommand,
) -> Result<PingCommand, Wrong> {
    let mut at = if matches!(words.get(1), Some(&("ip" | "ipv6"))) { 2 } else { 1 };
    loop {
        let word = *words.get(at).ok_or(Wrong::Incomplete)?;
        // `ping ipv6 vpn-instance V` has no dash.
        let name = if word == "vpn-instance" { "-vpn-instance" } else { word };
        if !name.starts_with('-') {
            break;
        }
        let option = options.iter().find(|option| option.name == name);
        at += 1 + read_value(&option.ok_or(Wrong::Parameter(at))?.takes, words, at, &mut command)?;
    }
    command.target = words[at].to_owned();
    match words.get(at + 1) {
        Some(_) => Err(Wrong::TooMany(at + 1)),
        None => Ok(command),
    }
}

/// Reads what follows the option at this index and tells how many words that were.
fn read_value(
    takes: &Takes,
    words: &[&str],
    option: usize,
    command: &mut PingCommand,
) -> Result<usize, Wrong> {
    let at = option + 1;
    let value = || words.get(at).copied().ok_or(Wrong::Incomplete);
    let number = |range: &RangeInclusive<u32>| {
        let parsed = value()?.parse().ok().filter(|number| range.contains(number));
        parsed.ok_or(Wrong::Parameter(at))
    };
    let millis = |range| number(range).map(|ms| Duration::from_millis(ms.into()));
    match takes {
        Takes::Nothing => return Ok(0),
        Takes::Quiet => {
            command.quiet = true;
            return Ok(0);
        }
        Takes::Count(range) => command.count = Some(number(range)?),
        Takes::Size(range) => command.size = number(range)?,
        Takes::Timeout(range) => command.timeout = millis(range)?,
        Takes::Interval(range) => command.interval = millis(range)?,
        Takes::Source => command.source = Some(value()?.to_owned()),
        Takes::Vrf => command.vrf = Some(value()?.to_owned()),
        Takes::Ignored => {
            value()?;
        }
    }
    Ok(1)
}
