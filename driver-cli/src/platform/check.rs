use std::collections::BTreeMap;

use pool_core::Step;
use regex::Regex;

use super::allowed::{AllowedCommands, Verb};
use super::definition::{Answer, Dialogue, Level, Pager, PlatformDefinition, Transition};
use super::problem::{DefinitionProblem, Problems};
use super::raw::{RawCli, RawFile, RawLevel, RawTyped};

/// More than any platform wants to hear about a terminal.
const SUFFIX_BYTES_MAX: usize = 32;

/// Checks the table `cli` of the platform `name`, which has inherited all it can.
pub(super) fn check(
    name: &str,
    file: &str,
    whole: &RawFile,
    cli: &RawCli,
) -> Result<PlatformDefinition, Vec<DefinitionProblem>> {
    let raw = cli;
    let mut check = Check { raw, problems: Problems::of(file) };
    check.names(name, &whole.aliases);
    let definition = PlatformDefinition {
        name: name.to_owned(),
        aliases: whole.aliases.clone(),
        description: whole.description.clone(),
        line_ending: raw.line_ending.unwrap_or_default(),
        encoding: raw.encoding.unwrap_or_default(),
        echo: raw.echo.unwrap_or_default(),
        username_suffix: check.username_suffix(),
        allowed: check.allowed(),
        work_at: check.work_at(),
        on_open: check.commands("cli.on_open", raw.on_open.as_deref()),
        on_close: check.commands("cli.on_close", raw.on_close.as_deref()),
        levels: check.levels(),
        transitions: check.transitions(),
        pagers: check.pagers(),
        dialogues: check.dialogues(),
        rejections: check.beginnings("cli.rejections", &raw.rejections),
        busy: check.lines("cli.busy", &raw.busy),
        notices: check.lines("cli.notices", &raw.notices),
        above_output: check.lines("cli.above_output", &raw.above_output),
        above_prompt: check.lines("cli.above_prompt", &raw.above_prompt),
    };
    check.problems.into_result(definition)
}

/// One walk over a raw table. Whatever fails is noted and left out, so that the walk goes on.
struct Check<'a> {
    raw: &'a RawCli,
    problems: Problems,
}

impl Check<'_> {
    fn names(&mut self, name: &str, aliases: &[String]) {
        let aliases = aliases.iter().map(|alias| ("aliases", alias.as_str()));
        for (key, name) in std::iter::once(("(file name)", name)).chain(aliases) {
            let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if !(1..=64).contains(&name.len()) || !name.bytes().all(word) {
                let reason = format!("{name:?}: allowed are 1 to 64 of a-z, 0-9 and _");
                self.problems.add(key, reason);
            }
        }
    }

    fn username_suffix(&mut self) -> String {
        let suffix = self.raw.username_suffix.clone().unwrap_or_default();
        if suffix.len() > SUFFIX_BYTES_MAX || !suffix.bytes().all(|b| b.is_ascii_graphic()) {
            let reason = format!(
                "{suffix:?}: allowed are up to {SUFFIX_BYTES_MAX} printable \
                                  characters without blanks"
            );
            self.problems.add("cli.username_suffix", reason);
        }
        suffix
    }

    fn allowed(&mut self) -> AllowedCommands {
        for verb in &self.raw.verbs {
            if verb.split_whitespace().all(|word| word == "*") {
                let reason = format!("{verb:?}: allowed are words, of which * stands for any one");
                self.problems.add("cli.verbs", reason);
            }
        }
        let verbs = self.raw.verbs.iter().map(|verb| Verb::new(verb)).collect();
        let texts = &self.raw.verbs_except;
        let except = texts.iter().filter_map(|text| self.pattern("cli.verbs_except", text));
        AllowedCommands { except: except.collect(), verbs }
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
            let answer = match (&dialogue.answer, dialogue.types) {
                (Some(text), None) => Answer::Text(text.clone()),
                (None, Some(RawTyped::Username)) => Answer::Username,
                (None, Some(RawTyped::Password)) => Answer::Password,
                _ => {
                    let reason = "must be given, or `types` in its place, and not both";
                    self.problems.add("cli.dialogues.answer", reason);
                    continue;
                }
            };
            if let Some(pattern) = self.pattern("cli.dialogues.pattern", &dialogue.pattern) {
                dialogues.push(Dialogue { pattern, answer });
            }
        }
        dialogues
    }

    /// One expression that finds any of `patterns` at the beginning of a line and takes in the
    /// whole of it.
    fn lines(&mut self, key: &str, patterns: &[String]) -> Option<Regex> {
        self.any_of(key, "^", patterns)
    }

    /// As [`lines`](Self::lines), for the line that a text begins with alone: where there is nothing
    /// to be found, which is nearly always, that is known after a few characters of each line.
    fn beginnings(&mut self, key: &str, patterns: &[String]) -> Option<Regex> {
        self.any_of(key, r"\A", patterns)
    }

    fn any_of(&mut self, key: &str, start: &str, patterns: &[String]) -> Option<Regex> {
        let valid: Vec<_> = patterns
            .iter()
            .filter(|text| self.pattern(key, text).is_some())
            .map(|text| format!("(?:{text})"))
            .collect();
        if valid.is_empty() {
            return None;
        }
        self.compile(key, &format!(r"(?im){start}[ \t]*(?:{})[^\n]*$", valid.join("|")))
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
