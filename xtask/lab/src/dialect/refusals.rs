//! What a device prints instead of doing as it was told.

use serde::Deserialize;

use super::syntax::Wrong;
use super::template::{Template, Value};
use super::{Line, Refusal};

/// The texts of refused pings. Gaps are `caret` (a line that points below the word at fault, or
/// behind the end), `word` (that word, or the last one), `last`, and `line`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusals {
    wrong: RefusalText,
    incomplete: RefusalText,
    /// As `wrong`, where it is absent.
    too_many: Option<RefusalText>,
    /// An option without its value; as `incomplete`.
    no_value: Option<RefusalText>,
    /// What is no value of an option; as `wrong`.
    value: Option<RefusalText>,
    unresolved: RefusalText,
    unknown_vrf: RefusalText,
}

/// A text, and what a command that is executed ends with.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RefusalText {
    Text(Template),
    WithStatus { text: Template, status: u32 },
}

/// What does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Unresolved,
    UnknownVrf,
}

impl Refusals {
    /// What is printed about a line that is not understood.
    pub(super) fn wrong(&self, line: &Line<'_>, wrong: &Wrong) -> Refusal {
        let (text, at) = match wrong {
            Wrong::At(at) => (&self.wrong, *at),
            Wrong::Letter(_) => (&self.wrong, usize::MAX),
            Wrong::Value(_) => (self.value.as_ref().unwrap_or(&self.wrong), usize::MAX),
            Wrong::TooMany(at) => (self.too_many.as_ref().unwrap_or(&self.wrong), *at),
            Wrong::Incomplete(None) => (&self.incomplete, usize::MAX),
            Wrong::Incomplete(Some(_)) => {
                (self.no_value.as_ref().unwrap_or(&self.incomplete), usize::MAX)
            }
        };
        let word = match wrong {
            Wrong::Letter(letter) => letter.to_string(),
            Wrong::Value(word) | Wrong::Incomplete(Some(word)) => word.clone(),
            _ => word_at(line, at),
        };
        text.fill(line, at, &word)
    }

    /// What is printed about something of this name that does not exist.
    pub(super) fn named(&self, refused: Refused, name: &str) -> Refusal {
        let text = match refused {
            Refused::Unresolved => &self.unresolved,
            Refused::UnknownVrf => &self.unknown_vrf,
        };
        text.fill(&Line::new(name, 0), 0, name)
    }
}

impl RefusalText {
    /// What is printed about the word of this index, or behind the end of the line.
    pub(super) fn at(&self, line: &Line<'_>, at: usize) -> Refusal {
        self.fill(line, at, &word_at(line, at))
    }

    fn fill(&self, line: &Line<'_>, at: usize, word: &str) -> Refusal {
        let (text, exit_status) = match self {
            Self::Text(text) => (text, 0),
            Self::WithStatus { text, status } => (text, *status),
        };
        let value = |value: &str| Some(Value::Text(value.to_owned()));
        let text = text.fill(&|name| match name {
            "caret" => value(&line.caret(at, 0)),
            "word" => value(word),
            "last" => value(line.words().last().copied().unwrap_or_default()),
            "line" => value(line.text),
            _ => None,
        });
        Refusal { text, exit_status }
    }
}

fn word_at(line: &Line<'_>, at: usize) -> String {
    let words = line.words();
    words.get(at).or(words.last()).copied().unwrap_or_default().to_owned()
}
