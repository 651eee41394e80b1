use std::collections::BTreeMap;

use serde::Deserialize;

use super::definition::{EchoMode, LineEnding};
use super::problem::{DefinitionProblem, Problems};
use super::source::DefinitionFile;
use crate::TextEncoding;

/// The `[cli]` table of a definition file as it is written, before anything is checked.
///
/// Every key is optional here, because it may be inherited.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCli {
    pub(super) line_ending: Option<LineEnding>,
    pub(super) encoding: Option<TextEncoding>,
    pub(super) echo: Option<EchoMode>,
    pub(super) username_suffix: Option<String>,
    pub(super) verbs: Vec<String>,
    pub(super) verbs_except: Vec<String>,
    pub(super) work_at: Option<Vec<String>>,
    pub(super) on_open: Option<Vec<String>>,
    pub(super) on_close: Option<Vec<String>>,
    pub(super) levels: BTreeMap<String, RawLevel>,
    pub(super) transitions: Option<Vec<RawTransition>>,
    pub(super) pagers: Vec<RawPager>,
    pub(super) dialogues: Vec<RawDialogue>,
    pub(super) rejections: Vec<String>,
    pub(super) busy: Vec<String>,
    pub(super) notices: Vec<String>,
    pub(super) above_output: Vec<String>,
    pub(super) above_prompt: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLevel {
    pub(super) prompt: String,
    pub(super) except: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransition {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) command: String,
    pub(super) asks: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPager {
    pub(super) pattern: String,
    pub(super) key: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDialogue {
    pub(super) pattern: String,
    pub(super) answer: Option<String>,
    pub(super) types: Option<RawTyped>,
}

/// What is typed of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawTyped {
    Username,
    Password,
}

/// A definition file as it is written: what is true of the platform as a whole, and our table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawFile {
    name: Option<String>,
    pub(super) description: String,
    pub(super) aliases: Vec<String>,
    pub(super) inherits: Option<String>,
    pub(super) cli: Option<RawCli>,
}

/// What may stand outside of any table.
const TOP_KEYS: [&str; 4] = ["name", "description", "aliases", "inherits"];

impl RawFile {
    /// Reads our part of a definition file, unless the file has nothing for us: it has tables of
    /// others only, and inherits nothing.
    pub(super) fn parse(file: &DefinitionFile) -> Result<Option<Self>, Vec<DefinitionProblem>> {
        let text = file.text();
        let mut problems = Problems::of(&file.path().display().to_string());
        let raw = toml::from_str::<Self>(text).unwrap_or_else(|error| {
            let key = error.span().map_or_else(|| "cli".to_owned(), |span| place(text, span.start));
            problems.add(key, error.message());
            Self::default()
        });
        let document = text.parse::<toml::Table>().unwrap_or_default();
        for (key, value) in &document {
            if !value.is_table() && !TOP_KEYS.contains(&key.as_str()) {
                let known = TOP_KEYS.join(", ");
                let reason = format!("stands outside of any table; allowed there are {known}");
                problems.add(key, reason);
            }
        }
        if let Some(name) = raw.name.as_ref().filter(|name| **name != file.name()) {
            let reason = format!("{name:?} is not the name of the file, {:?}", file.name());
            problems.add("name", reason);
        }
        let has_ours = raw.cli.is_some() || raw.inherits.is_some();
        if !has_ours && problems.is_empty() && !document.values().any(toml::Value::is_table) {
            problems.add("cli", "is missing: a definition has a table [cli], or `inherits` one");
        }
        problems.into_result(has_ours.then_some(raw))
    }
}

impl RawCli {
    /// This table with what it leaves open taken from `parent`.
    ///
    /// A single value and a list of commands replace the inherited one, levels are merged by name,
    /// and lists of patterns and verbs are added to the inherited ones.
    pub(super) fn inheriting(self, parent: &Self) -> Self {
        let mut levels = parent.levels.clone();
        levels.extend(self.levels);
        Self {
            line_ending: self.line_ending.or(parent.line_ending),
            encoding: self.encoding.or(parent.encoding),
            echo: self.echo.or(parent.echo),
            username_suffix: self.username_suffix.or_else(|| parent.username_suffix.clone()),
            verbs: joined(self.verbs, &parent.verbs),
            verbs_except: joined(self.verbs_except, &parent.verbs_except),
            work_at: self.work_at.or_else(|| parent.work_at.clone()),
            on_open: self.on_open.or_else(|| parent.on_open.clone()),
            on_close: self.on_close.or_else(|| parent.on_close.clone()),
            levels,
            transitions: self.transitions.or_else(|| parent.transitions.clone()),
            pagers: joined(self.pagers, &parent.pagers),
            dialogues: joined(self.dialogues, &parent.dialogues),
            rejections: joined(self.rejections, &parent.rejections),
            busy: joined(self.busy, &parent.busy),
            notices: joined(self.notices, &parent.notices),
            above_output: joined(self.above_output, &parent.above_output),
            above_prompt: joined(self.above_prompt, &parent.above_prompt),
        }
    }
}

/// The own entries first, so that they win where an inherited one would also match.
fn joined<T: Clone>(mut own: Vec<T>, inherited: &[T]) -> Vec<T> {
    own.extend_from_slice(inherited);
    own
}

/// Where in a TOML text something stands: the line, and its key if there is one on it.
fn place(text: &str, offset: usize) -> String {
    let before = &text[..offset.min(text.len())];
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    match line.split_once('=') {
        Some((key, _)) => format!("line {number}, {}", key.trim()),
        None => format!("line {number}"),
    }
}
