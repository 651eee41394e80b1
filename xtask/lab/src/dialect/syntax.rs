//! How a platform's command line writes the options of a ping.

use serde::Deserialize;

use super::letters;
use super::options::{OptionTable, Options, Takes};
use super::run::PingCommand;

/// The manner of writing them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Syntax {
    /// `ping [vrf V] [family] HOST [keyword value]...`; keywords may be shortened.
    #[default]
    Keywords,
    /// `ping [family] [-option value]... HOST`.
    Dashes,
    /// `ping [-lvalue]... HOST`, as on Unix.
    Letters,
    /// `ping name=value...`, of which one is the target.
    Equals,
    /// `ping HOST INTERFACE COUNT SIZE`: an option is a place, by its number.
    Places,
}

/// Why a line is not a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The word of this index is no option, or no value of one.
    At(usize),
    /// There are words from this index on that nothing is expected of.
    TooMany(usize),
    /// The line ends too early; at an option, if one lacks its value.
    Incomplete(Option<String>),
    /// A letter that is no option.
    Letter(char),
    /// What is no value of an option.
    Value(String),
}

/// What a line is read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) syntax: Syntax,
    pub(super) options: &'a Options,
    pub(super) families: &'a [String],
}

impl Reader<'_> {
    /// Reads `words` from index `at` on, behind the words of the command itself.
    pub(super) fn read(
        &self,
        words: &[&str],
        at: usize,
        mut command: PingCommand,
    ) -> Result<PingCommand, Wrong> {
        let mut at = at;
        match self.syntax {
            Syntax::Keywords => {
                if words.get(at) == Some(&"vrf") {
                    let vrf = words.get(at + 1).ok_or(Wrong::Incomplete(None))?;
                    command.vrf = Some((*vrf).to_owned());
                    at += 2;
                }
                at += usize::from(self.is_family(words.get(at)));
                let target = words.get(at).ok_or(Wrong::Incomplete(None))?;
                (*target).clone_into(&mut command.target);
                self.keywords(words, at + 1, &mut command)?;
            }
            Syntax::Dashes => {
                at += usize::from(self.is_family(words.get(at)));
                self.dashes(words, at, &mut command)?;
            }
            Syntax::Letters => letters::read(self.options, &words[at..], &mut command)?,
            Syntax::Equals => self.equals(words, at, &mut command)?,
            Syntax::Places => self.places(words, at, &mut command)?,
        }
        Ok(command)
    }

    fn is_family(&self, word: Option<&&str>) -> bool {
        word.is_some_and(|word| self.families.iter().any(|family| family == word))
    }

    /// Reads keywords with their values into the command.
    pub(super) fn keywords(
        &self,
        words: &[&str],
        from: usize,
        command: &mut PingCommand,
    ) -> Result<(), Wrong> {
        let mut at = from;
        while let Some(word) = words.get(at) {
            let option = self.shortened(word).ok_or(Wrong::At(at))?;
            at += self.value(option, words, at, command)?;
        }
        Ok(())
    }

    /// Reads what follows the option at this index, and tells how many words both are.
    fn value(
        &self,
        option: &OptionTable,
        words: &[&str],
        at: usize,
        command: &mut PingCommand,
    ) -> Result<usize, Wrong> {
        let words_of_it = if option.has_value() { 2 } else { 1 };
        let value = words.get(at + words_of_it - 1);
        let value = value.ok_or_else(|| Wrong::Incomplete(Some(words[at].to_owned())))?;
        option.apply(value, command).ok_or(Wrong::At(at + 1))?;
        Ok(words_of_it)
    }

    /// The option of this name, or the only one whose name begins with it.
    fn shortened(&self, word: &str) -> Option<&OptionTable> {
        let mut candidates = self.options.iter().filter(|(name, _)| name.starts_with(word));
        let only = match (candidates.next(), candidates.next()) {
            (Some((_, only)), None) => Some(only),
            _ => None,
        };
        self.options.get(word).or(only)
    }

    fn dashes(&self, words: &[&str], from: usize, command: &mut PingCommand) -> Result<(), Wrong> {
        let mut at = from;
        loop {
            let word = *words.get(at).ok_or(Wrong::Incomplete(None))?;
            // `ping ipv6 vpn-instance V` has no dash.
            let name = if word == "vpn-instance" { "-vpn-instance" } else { word };
            if !name.starts_with('-') {
                break;
            }
            let option = self.options.get(name).ok_or(Wrong::At(at))?;
            at += self.value(option, words, at, command)?;
        }
        words[at].clone_into(&mut command.target);
        if words.len() > at + 1 { Err(Wrong::TooMany(at + 1)) } else { Ok(()) }
    }

    fn equals(&self, words: &[&str], from: usize, command: &mut PingCommand) -> Result<(), Wrong> {
        for (at, word) in words.iter().enumerate().skip(from) {
            let (name, value) = match word.split_once('=') {
                Some(both) => both,
                // The target may stand alone, and so may a switch.
                None if command.target.is_empty() => {
                    (*word).clone_into(&mut command.target);
                    continue;
                }
                None => (*word, ""),
            };
            let option = self.options.get(name).ok_or(Wrong::At(at))?;
            option.apply(value, command).ok_or_else(|| Wrong::Value(name.to_owned()))?;
        }
        if command.target.is_empty() { Err(Wrong::Incomplete(None)) } else { Ok(()) }
    }

    fn places(&self, words: &[&str], from: usize, command: &mut PingCommand) -> Result<(), Wrong> {
        for (at, word) in words.iter().enumerate().skip(from) {
            let place = (at - from + 1).to_string();
            let option = self.options.get(&place).ok_or(Wrong::TooMany(at))?;
            option.apply(word, command).ok_or(Wrong::At(at))?;
        }
        let has_target = self.options.values().any(|option| option.takes == Takes::Target);
        if has_target && command.target.is_empty() { Err(Wrong::Incomplete(None)) } else { Ok(()) }
    }
}
