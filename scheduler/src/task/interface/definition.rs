use regex::Regex;
use serde::Deserialize;
use toml::Table;

use super::figures::{COUNTERS, REQUIRED};
use super::read::{Reader, Section};
use crate::Word;
use crate::task::definition_error::Fault;
use crate::task::keys::Keys;
use crate::task::load::Defined;
use crate::task::pattern::{compiled, has_group, patterns};

/// What stands for the interface in a command.
const PLACE: &str = "{interface}";
/// What a line may say.
const GROUPS: &[&str] = &[
    "name",
    "up",
    "down",
    "disabled",
    COUNTERS[0],
    COUNTERS[1],
    COUNTERS[2],
    COUNTERS[3],
    COUNTERS[4],
];
/// Sections of one output. The built-in ones have two.
const SECTIONS_MAX: usize = 16;

/// How one platform shows an interface.
#[derive(Debug)]
pub(super) struct Definition {
    name: String,
    /// What stands before and after the interface in the command.
    command: (String, String),
    /// How the output is read.
    pub(super) reader: Reader,
}

/// A section as it stands in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionText {
    begins: String,
    lines: Vec<String>,
}

impl Definition {
    /// The command that shows `interface`, whose type allows only what is one word of a command
    /// line.
    pub(super) fn command(&self, interface: &Word) -> String {
        let (before, after) = &self.command;
        format!("{before}{}{after}", interface.as_str())
    }
}

impl Defined for Definition {
    const TABLE: &'static str = "interface";

    fn name(&self) -> &str {
        &self.name
    }

    fn build(name: &str, table: Table) -> Result<Option<Self>, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keys = Keys::new("interface", table, &mut faults);
        let is_there: Option<bool> = keys.optional("available");
        if is_there == Some(false) {
            // The platform that it inherits from may have it.
            keys.know(["command", "read"]);
            return if faults.is_empty() { Ok(None) } else { Err(faults) };
        }
        let text: Option<String> = keys.required("command");
        let command = text.as_deref().map(|text| text.split_once(PLACE));
        if command.is_some_and(|found| found.is_none_or(|(_, after)| after.contains('{'))) {
            keys.complain("command", format!("{PLACE} must be in it, once"));
        }
        let read: Table = keys.required("read").unwrap_or_default();
        keys.finish();
        let reader = reader(read, &mut faults);
        let command = command.flatten();
        let command = command.map(|(before, after)| (before.to_owned(), after.to_owned()));
        match command {
            Some(command) if faults.is_empty() => {
                Ok(Some(Self { name: name.to_owned(), command, reader }))
            }
            _ => Err(faults),
        }
    }
}

fn reader(table: Table, faults: &mut Vec<Fault>) -> Reader {
    let mut keys = Keys::new("interface.read", table, faults);
    let reader = Reader {
        lines: patterns(&mut keys, "lines", GROUPS),
        sections: sections(&mut keys),
        refusals: patterns(&mut keys, "refusals", &[]),
    };
    keys.finish();
    // What is wrong with single patterns has been said; these would only be its consequences.
    if faults.is_empty() {
        faults.extend(missing(&reader));
    }
    reader
}

fn sections(keys: &mut Keys<'_>) -> Vec<Section> {
    let texts: Vec<SectionText> = keys.optional("sections").unwrap_or_default();
    if texts.len() > SECTIONS_MAX {
        keys.complain("sections", format!("has {}; allowed are {SECTIONS_MAX}", texts.len()));
        return Vec::new();
    }
    let mut section = |text: &SectionText| {
        let begins = compiled(keys, "sections", std::slice::from_ref(&text.begins), &[]).pop()?;
        Some(Section { begins, lines: compiled(keys, "sections", &text.lines, GROUPS) })
    };
    texts.iter().filter_map(&mut section).collect()
}

/// What every platform must show, and no line says.
fn missing(reader: &Reader) -> Vec<Fault> {
    let Reader { lines, sections, .. } = reader;
    let all: Vec<&Regex> = lines.iter().chain(sections.iter().flat_map(|s| &s.lines)).collect();
    let has = |group: &str| all.iter().any(|line| has_group(line, group));
    let needed = ["name", "up", "down"].into_iter().chain(COUNTERS.into_iter().take(REQUIRED));
    let missing = needed.filter(|group| !has(group));
    missing
        .map(|group| Fault::new("interface.read.lines", format!("no line has the group {group}")))
        .collect()
}
