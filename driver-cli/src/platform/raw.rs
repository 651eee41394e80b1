use std::collections::BTreeMap;

use serde::Deserialize;

use super::definition::{EchoMode, LineEnding};
use super::problem::{DefinitionProblem, Problems};

/// The `[cli]` table of a definition file as it is written, before anything is checked.
///
/// Every key is optional here, because it may be inherited.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCli {
    pub(super) description: String,
    pub(super) inherits: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) line_ending: Option<LineEnding>,
    pub(super) echo: Option<EchoMode>,
    pub(super) work_at: Option<Vec<String>>,
    pub(super) on_open: Option<Vec<String>>,
    pub(super) on_close: Option<Vec<String>>,
    pub(super) levels: BTreeMap<String, RawLevel>,
    pub(super) transitions: Option<Vec<RawTransition>>,
    pub(super) pagers: Vec<RawPager>,
    pub(super) dialogues: Vec<RawDialogue>,
    pub(super) rejections: Vec<String>,
    pub(super) busy: Vec<String>,
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
    pub(super) answer: String,
}

#[derive(Deserialize)]
struct RawFile {
    cli: RawCli,
}

impl RawCli {
    /// Reads the `[cli]` table of a definition file. Other tables belong to others; a key that
    /// stands outside of any table belongs to nobody.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, Vec<DefinitionProblem>> {
        let mut problems = Problems::of(file);
        let raw = toml::from_str::<RawFile>(text).unwrap_or_else(|error| {
            let key = error.span().map_or_else(|| "cli".to_owned(), |span| place(text, span.start));
            problems.add(key, error.message());
            RawFile { cli: Self::default() }
        });
        let document = text.parse::<toml::Table>().unwrap_or_default();
        for (key, value) in document {
            if !value.is_table() {
                problems.add(key, "stands outside of any table; allowed is only [cli] and others");
            }
        }
        problems.into_result(raw.cli)
    }

    /// This table with what it leaves open taken from `parent`.
    ///
    /// A single value and a list of commands replace the inherited one, levels are merged by name,
    /// and lists of patterns are added to the inherited ones. Aliases are never inherited.
    pub(super) fn inheriting(self, parent: &Self) -> Self {
        let mut levels = parent.levels.clone();
        levels.extend(self.levels);
        Self {
            description: self.description,
            inherits: None,
            aliases: self.aliases,
            line_ending: self.line_ending.or(parent.line_ending),
            echo: self.echo.or(parent.echo),
            work_at: self.work_at.or_else(|| parent.work_at.clone()),
            on_open: self.on_open.or_else(|| parent.on_open.clone()),
            on_close: self.on_close.or_else(|| parent.on_close.clone()),
            levels,
            transitions: self.transitions.or_else(|| parent.transitions.clone()),
            pagers: joined(self.pagers, &parent.pagers),
            dialogues: joined(self.dialogues, &parent.dialogues),
            rejections: joined(self.rejections, &parent.rejections),
            busy: joined(self.busy, &parent.busy),
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
