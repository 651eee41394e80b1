use std::ops::RangeInclusive;
use std::time::Duration;

use super::run::PingCommand;

/// A word behind the target of a ping, as on the Cisco platforms.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
}

/// What follows a [`Keyword`].
#[derive(Debug)]
pub(super) enum Takes {
    Nothing,
    Count(RangeInclusive<u32>),
    Size(RangeInclusive<u32>),
    /// Whole seconds.
    Timeout(RangeInclusive<u32>),
    Source,
    Vrf,
}

/// Why a line is not a command, with the index of the word at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A word that is no option, or a value that is none or out of range.
    At(usize),
    /// The line ends too early.
    Incomplete,
}

/// Reads keywords with their values from `words[from..]` into the command. A keyword may be
/// shortened as long as it stays unique, as these devices allow.
pub(super) fn read(
    keywords: &[Keyword],
    words: &[&str],
    from: usize,
    command: &mut PingCommand,
) -> Result<(), Wrong> {
    let mut at = from;
    while let Some(word) = words.get(at) {
        let takes = find(keywords, word).ok_or(Wrong::At(at))?;
        at += 1;
        if matches!(takes, Takes::Nothing) {
            continue;
        }
        let value = *words.get(at).ok_or(Wrong::Incomplete)?;
        let number = |range: &RangeInclusive<u32>| {
            value.parse().ok().filter(|number| range.contains(number)).ok_or(Wrong::At(at))
        };
        match takes {
            Takes::Nothing => {}
            Takes::Count(range) => command.count = Some(number(range)?),
            Takes::Size(range) => command.size = number(range)?,
            Takes::Timeout(range) => {
                command.timeout = Duration::from_secs(number(range)?.into());
            }
            Takes::Source => command.source = Some(value.to_owned()),
            Takes::Vrf => command.vrf = Some(value.to_owned()),
        }
        at += 1;
    }
    Ok(())
}

fn find<'a>(keywords: &'a [Keyword], word: &str) -> Option<&'a Takes> {
    let exact = keywords.iter().find(|keyword| keyword.name == word);
    let mut candidates = keywords.iter().filter(|keyword| keyword.name.starts_with(word));
    let shortened = match (candidates.next(), candidates.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    exact.or(shortened).map(|keyword| &keyword.takes)
}

/// Whether the word is this command or a shortened form of it that has two letters at least.
pub(super) fn is_command(word: &str, command: &str) -> bool {
    word.len() >= 2 && command.starts_with(word)
}
