//! Options of single letters, as Unix has them.

use super::options::Options;
use super::run::PingCommand;
use super::syntax::Wrong;

/// Reads `[-lvalue]... HOST`.
pub(super) fn read(
    options: &Options,
    words: &[&str],
    command: &mut PingCommand,
) -> Result<(), Wrong> {
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some(letters) => read_letters(options, letters, &mut words, command)?,
            None => word.clone_into(&mut command.target),
        }
    }
    if command.target.is_empty() { Err(Wrong::Incomplete(None)) } else { Ok(()) }
}

/// Reads the letters of one word; the value of a letter is the rest of it, or the next word.
fn read_letters<'a>(
    options: &Options,
    letters: &'a str,
    words: &mut impl Iterator<Item = &'a str>,
    command: &mut PingCommand,
) -> Result<(), Wrong> {
    for (at, letter) in letters.char_indices() {
        let option = options.get(letter.encode_utf8(&mut [0; 4])).ok_or(Wrong::Letter(letter))?;
        if !option.has_value() {
            option.apply("", command).ok_or(Wrong::Letter(letter))?;
            continue;
        }
        let rest = &letters[at + letter.len_utf8()..];
        let value = if rest.is_empty() { words.next() } else { Some(rest) };
        let value = value.ok_or_else(|| Wrong::Incomplete(Some(letter.to_string())))?;
        return option.apply(value, command).ok_or_else(|| Wrong::Value(value.to_owned()));
    }
    Ok(())
}

/// The words behind assignments such as `LC_ALL=C`.
pub(super) fn without_assignments<'a, 'b>(words: &'b [&'a str]) -> &'b [&'a str] {
    let command = words.iter().position(|word| !word.contains('='));
    &words[command.unwrap_or(words.len())..]
}

/// The index behind `ip vrf exec V`, with the VRF, if `words` begin so.
pub(super) fn behind_vrf(words: &[&str]) -> (usize, Option<String>) {
    match words {
        ["ip", "vrf", "exec", vrf, ..] => (4, Some((*vrf).to_owned())),
        _ => (0, None),
    }
}
