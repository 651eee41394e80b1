use std::collections::BTreeMap;

use pool_core::Step;
use regex::Regex;
use serde::Deserialize;

use super::problem::{DefinitionProblem, Problems};
use super::raw::{RawCli, RawLevel};

/// What a platform's command line looks like and wants to hear, checked and ready for use.
///
/// Made by [`Platforms`](crate::Platforms) from the `[cli]` table of a definition file; the keys
/// of that table are described in the crate's README.
#[derive(Debug)]
pub struct PlatformDefinition {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) description: String,
    pub(crate) line_ending: LineEnding,
    pub(crate) echo: EchoMode,
    /// The levels in which commands may be run, the lowest first.
    pub(crate) work_at: Vec<String>,
    pub(crate) on_open: Vec<String>,
    pub(crate) on_close: Vec<String>,
    pub(crate) levels: BTreeMap<String, Level>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) pagers: Vec<Pager>,
    pub(crate) dialogues: Vec<Dialogue>,
    /// Each matches from a line's beginning to its end.
    pub(crate) rejections: Option<Regex>,
    pub(crate) busy: Option<Regex>,
    pub(crate) above_output: Option<Regex>,
    pub(crate) above_prompt: Option<Regex>,
}

/// What ends a command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LineEnding {
    #[default]
    Lf,
    Cr,
    CrLf,
}

impl LineEnding {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Cr => "\r",
            Self::CrLf => "\r\n",
        }
    }
}

/// What to do about the echo of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EchoMode {
    /// The command is typed, and RETURN only once its echo has been seen: whatever came before
    /// the echo cannot be mistaken for output.
    #[default]
    Await,
    /// Command and RETURN are sent in one go; what looks like an echo is taken off the output.
    Ignore,
}

/// A privilege level or mode, told by its prompt.
#[derive(Debug)]
pub(crate) struct Level {
    prompt: Regex,
    except: Option<Regex>,
}

impl Level {
    /// Whether `line`, without blanks at its end, is a prompt of this level.
    pub(crate) fn matches(&self, line: &str) -> bool {
        self.prompt.is_match(line) && !self.except.as_ref().is_some_and(|not| not.is_match(line))
    }
}

/// A way from one level to another.
#[derive(Debug)]
pub(crate) struct Transition {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) command: Step,
    /// What the device asks the enable password with, if it asks for one.
    pub(crate) asks: Option<Regex>,
}

/// The text of a pager, and the key that makes it go on.
#[derive(Debug)]
pub(crate) struct Pager {
    pub(crate) pattern: Regex,
    pub(crate) key: String,
}

/// A question before the first prompt, and its answer.
#[derive(Debug)]
pub(crate) struct Dialogue {
    pub(crate) pattern: Regex,
    pub(crate) answer: String,
}

impl PlatformDefinition {
    /// Its name, which is that of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Other names of the same platform.
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// What it is, in words.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The level whose prompt `line` is, blanks at its end aside. Levels to work in come first.
    pub(crate) fn level_of(&self, line: &str) -> Option<&str> {
        let line = line.trim_end();
        let matches = |name: &&String| self.levels[name.as_str()].matches(line);
        self.work_at.iter().chain(self.levels.keys()).find(matches).map(String::as_str)
    }

    /// Checks a table that has inherited all it can.
    pub(super) fn check(
        name: &str,
        file: &str,
        raw: &RawCli,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        let mut check = Check { raw, problems: Problems::of(file) };
        check.names(name);
        let definition = Self {
            name: name.to_owned(),
            aliases: raw.aliases.clone(),
            description: raw.description.clone(),
            line_ending: raw.line_ending.unwrap_or_default(),
            echo: raw.echo.unwrap_or_default(),
            work_at: check.work_at(),
            on_open: check.commands("cli.on_open", raw.on_open.as_deref()),
            on_close: check.commands("cli.on_close", raw.on_close.as_deref()),
            levels: check.levels(),
            transitions: check.transitions(),
            pagers: check.pagers(),
            dialogues: check.dialogues(),
            rejections: check.lines("cli.rejections", &raw.rejections),
            busy: check.lines("cli.busy", &raw.busy),
            above_output: check.lines("cli.above_output", &raw.above_output),
            above_prompt: check.lines("cli.above_prompt", &raw.above_prompt),
        };
        check.problems.into_result(definition)
    }
}

/// One walk over a raw table. Whatever fails is noted and left out, so that the walk goes on.
struct Check<'a> {
    raw: &'a RawCli,
    problems: Problems,
}

impl Check<'_> {
    fn names(&mut self, name: &str) {
        for (key, name) in std::iter::once(("(file name)", name))
            .chain(self.raw.aliases.iter().map(|alias| ("cli.aliases", alias.as_str())))
        {
            let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if !(1..=64).contains(&name.len()) || !name.bytes().all(word) {
                let reason = format!("{name:?}: allowed are 1 to 64 of a-z, 0-9 and _");
                self.problems.add(key, reason);
            }
        }
    }

    fn work_at(&mut self) -> Vec<String> {
        let names = self.raw.work_at.clone().unwrap_or_default();
        if names.is_empty() {
            self.problems.add("cli.work_at", "names no level; at least one is needed");
        }
        for name in &names {
            self.require_level("cli.work_at", name);
        }
        names
    }

    fn require_level(&mut self, key: &str, name: &str) {
        if !self.raw.levels.contains_key(name) {
            let known: Vec<_> = self.raw.levels.keys().map(String::as_str).collect();
            let reason = format!("{name:?} is not a level; levels are: {}", known.join(", "));
            self.problems.add(key, reason);
        }
    }

    fn commands(&mut self, key: &str, commands: Option<&[String]>) -> Vec<String> {
        let commands = commands.unwrap_or_default();
        for command in commands {
            self.command(key, command);
        }
        commands.to_vec()
    }

    fn command(&mut self, key: &str, command: &str) -> Option<Step> {
        Step::command(command)
            .inspect_err(|error| self.problems.add(key, format!("{command:?}: {error}")))
            .ok()
    }

    fn levels(&mut self) -> BTreeMap<String, Level> {
        let levels = self.raw.levels.iter();
        levels.filter_map(|(name, raw)| Some((name.clone(), self.level(name, raw)?))).collect()
    }

    fn level(&mut self, name: &str, raw: &RawLevel) -> Option<Level> {
        let key = format!("cli.levels.{name}.prompt");
        let prompt = self.pattern(&key, &raw.prompt)?;
        if !(raw.prompt.starts_with('^') && raw.prompt.ends_with('$')) {
            let reason = "must begin with ^ and end with $: a prompt is a whole line (blanks at \
                          its end are ignored)";
            self.problems.add(&key, reason);
        }
        let except = match &raw.except {
            Some(text) => Some(self.pattern(&format!("cli.levels.{name}.except"), text)?),
            None => None,
        };
        Some(Level { prompt, except })
    }

    fn transitions(&mut self) -> Vec<Transition> {
        let raw = self.raw.transitions.as_deref().unwrap_or_default();
        let mut transitions = Vec::new();
        for way in raw {
            self.require_level("cli.transitions.from", &way.from);
            self.require_level("cli.transitions.to", &way.to);
            let asks = way.asks.as_ref().map(|text| self.pattern("cli.transitions.asks", text));
            let Some(command) = self.command("cli.transitions.command", &way.command) else {
                continue;
            };
            let (from, to) = (way.from.clone(), way.to.clone());
            transitions.push(Transition { from, to, command, asks: asks.flatten() });
        }
        transitions
    }

    fn pagers(&mut self) -> Vec<Pager> {
        let mut pagers = Vec::new();
        for pager in &self.raw.pagers {
            if pager.key.is_empty() {
                self.problems.add("cli.pagers.key", "is empty; it must be what makes it go on");
            }
            if let Some(pattern) = self.pattern("cli.pagers.pattern", &pager.pattern) {
                pagers.push(Pager { pattern, key: pager.key.clone() });
            }
        }
        pagers
    }

    fn dialogues(&mut self) -> Vec<Dialogue> {
        let mut dialogues = Vec::new();
        for dialogue in &self.raw.dialogues {
            if let Some(pattern) = self.pattern("cli.dialogues.pattern", &dialogue.pattern) {
                dialogues.push(Dialogue { pattern, answer: dialogue.answer.clone() });
            }
        }
        dialogues
    }

    /// One expression that finds any of `patterns` at the beginning of a line and takes in the
    /// whole of it.
    fn lines(&mut self, key: &str, patterns: &[String]) -> Option<Regex> {
        let valid: Vec<_> = patterns
            .iter()
            .filter(|text| self.pattern(key, text).is_some())
            .map(|text| format!("(?:{text})"))
            .collect();
        if valid.is_empty() {
            return None;
        }
        self.compile(key, &format!(r"(?im)^[ \t]*(?:{})[^\n]*$", valid.join("|")))
    }

    fn pattern(&mut self, key: &str, text: &str) -> Option<Regex> {
        let pattern = self.compile(key, text)?;
        if pattern.is_match("") {
            self.problems.add(key, format!("{text:?} matches the empty text, and so everything"));
            return None;
        }
        Some(pattern)
    }

    fn compile(&mut self, key: &str, text: &str) -> Option<Regex> {
        Regex::new(text)
            .inspect_err(|error| {
                // The library draws a picture over several lines; its last line is the reason.
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default().trim();
                self.problems.add(key, format!("{text:?}: {reason}"));
            })
            .ok()
    }
}
