//! Which commands may be typed: an account that can do more than look around is safe with a
//! session that cannot.

use std::fmt;

use pool_core::{ConfigProblem, Error, Request, Result, Step};
use regex::Regex;

/// Stands for any one word in an allowed beginning.
const ANY_WORD: &str = "*";

/// The commands that a platform's definition allows.
#[derive(Clone, Debug)]
pub(crate) struct AllowedCommands {
    /// How a command may begin.
    pub(super) verbs: Vec<Verb>,
    /// What it may have nowhere: what chains commands, or writes their output to a file.
    pub(super) except: Vec<Regex>,
}

impl AllowedCommands {
    /// Refuses a request with a command that is not allowed, as a whole.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, with each such command and what is allowed in its place.
    pub(crate) fn check_request(&self, request: &Request) -> Result<()> {
        let refused = |step: &Step| {
            let allowed = self.check(step.line()).err()?;
            Some(ConfigProblem::new("command", format!("{:?}", step.line()), allowed))
        };
        let problems: Vec<_> = request.steps().iter().filter_map(refused).collect();
        if problems.is_empty() { Ok(()) } else { Err(Error::InvalidConfig(problems)) }
    }

    /// Whether `line` may be typed; otherwise what is allowed in its place.
    pub(super) fn check(&self, line: &str) -> std::result::Result<(), String> {
        let words = line.split_whitespace();
        if !self.verbs.iter().any(|verb| verb.begins(words.clone())) {
            return Err(match self.verbs.as_slice() {
                [] => "no command at all: the platform's definition has no `verbs`".to_owned(),
                verbs => {
                    let verbs: Vec<_> = verbs.iter().map(ToString::to_string).collect();
                    format!("a command that begins with one of: {}", verbs.join(", "))
                }
            });
        }
        match self.except.iter().find_map(|except| except.find(line)) {
            Some(found) => Err(format!("a command without {:?}", found.as_str())),
            None => Ok(()),
        }
    }
}

/// The beginning of a command: one or several words.
#[derive(Clone, Debug)]
pub(crate) struct Verb(Vec<String>);

impl Verb {
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Whether a command of these `words` begins with it. Devices do not tell capitals from small
    /// letters; abbreviations are not recognised, because what they stand for is the device's to
    /// say.
    fn begins<'a>(&self, mut words: impl Iterator<Item = &'a str>) -> bool {
        let is_same = |word: &str, expected: &str| {
            expected == ANY_WORD || word.eq_ignore_ascii_case(expected)
        };
        self.0.iter().all(|expected| words.next().is_some_and(|word| is_same(word, expected)))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> AllowedCommands {
        let verbs = ["ping", "show", "ip vrf exec * ping"].map(Verb::new).to_vec();
        AllowedCommands { verbs, except: vec![Regex::new(r"\|\s*redirect|;").unwrap()] }
    }

    #[track_caller]
    fn refused(line: &str, allowed_is: &str) {
        assert_eq!(allowed().check(line).unwrap_err(), allowed_is, "{line:?}");
    }

    #[test]
    fn a_command_is_allowed_by_its_first_words() {
        for line in ["ping 192.0.2.1", "show clock", " SHOW  version", "ip vrf exec red ping x"] {
            assert_eq!(allowed().check(line), Ok(()), "{line:?}");
        }
        let one_of = "a command that begins with one of: ping, show, ip vrf exec * ping";
        for line in ["reload", "showx", "sh ver", "", "ip vrf exec red reboot", "ip vrf exec ping"]
        {
            refused(line, one_of);
        }
    }

    #[test]
    fn an_allowed_beginning_does_not_allow_what_comes_behind() {
        refused("show run | redirect flash:x", "a command without \"| redirect\"");
        refused("show clock ; reload", "a command without \";\"");
        assert_eq!(allowed().check("show run | include x"), Ok(()));
    }

    #[test]
    fn without_verbs_nothing_is_allowed() {
        let nothing = AllowedCommands { verbs: Vec::new(), except: Vec::new() };
        assert!(nothing.check("ping 192.0.2.1").unwrap_err().starts_with("no command at all"));
    }
}
