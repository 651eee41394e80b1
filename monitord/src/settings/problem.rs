use std::fmt;

use config::ValueKind;
use driver_cli::{DefinitionProblem, InvalidDefinitions};

/// How much of a wrong value a message repeats, in characters. Enough to recognise it.
const SHOWN_CHARS_MAX: usize = 80;
/// How much of a key, with its place, a message repeats, in characters. More than any real one has.
const KEY_CHARS_MAX: usize = 200;

/// One thing that is wrong with the configuration: where it stands, what stands there, and what
/// may stand there. Never with a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    source: String,
    key: String,
    text: String,
}

impl Problem {
    /// A problem with `key` as it was read from `source`: a file, the environment, a flag. The
    /// text goes on after the key.
    pub(super) fn new(source: &str, key: &str, text: impl Into<String>) -> Self {
        Self { source: source.to_owned(), key: plain(key), text: text.into() }
    }

    /// Whether both are about one key of one source.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        !self.key.is_empty() && self.source == other.source && self.key == other.key
    }
}

/// A key as a message shows it. An unknown one can be any text.
fn plain(key: &str) -> String {
    let mut plain = String::with_capacity(key.len());
    for c in key.chars().take(KEY_CHARS_MAX) {
        if c.is_control() { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    if key.chars().nth(KEY_CHARS_MAX).is_some() {
        plain.push_str("...");
    }
    plain
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, key, text } = self;
        if key.is_empty() {
            write!(f, "{source}: {text}")
        } else {
            write!(f, "{source}: {key} {text}")
        }
    }
}

/// The configuration cannot be used. Holds every problem that was found, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) Vec<Problem>);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n"))
    }
}

impl std::error::Error for Invalid {}

impl From<InvalidDefinitions> for Invalid {
    fn from(InvalidDefinitions(problems): InvalidDefinitions) -> Self {
        let problem = |one: DefinitionProblem| {
            Problem::new(&one.file, "", format!("{}: {}", one.key, one.reason))
        };
        Self(problems.into_iter().map(problem).collect())
    }
}

/// A value as a message shows it: in quotes when it is a text, cut when it is long, with control
/// characters escaped.
pub(super) fn shown(value: &ValueKind) -> String {
    match value {
        ValueKind::Nil => "empty".to_owned(),
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::String(text) if text.chars().count() > SHOWN_CHARS_MAX => {
            let head: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            format!("{head:?}...")
        }
        ValueKind::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}
