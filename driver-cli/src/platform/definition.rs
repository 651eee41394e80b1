use std::collections::BTreeMap;

use pool_core::Step;
use regex::Regex;
use serde::Deserialize;

use super::allowed::AllowedCommands;
use crate::prompt::PROMPT_CHARS_MAX;
use crate::{Screen, TextEncoding};

/// What a platform's command line looks like and wants to hear, checked and ready for use.
///
/// Made by [`Platforms`](crate::Platforms) from the `[cli]` table of a definition file; the keys
/// of that table are described in the crate's README.
#[derive(Clone, Debug)]
pub struct PlatformDefinition {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) description: String,
    pub(crate) line_ending: LineEnding,
    pub(crate) encoding: TextEncoding,
    pub(crate) echo: EchoMode,
    /// What is typed behind the user name at login: how RouterOS is told about the terminal.
    pub(crate) username_suffix: String,
    /// The commands that a session may be asked to run.
    pub(crate) allowed: AllowedCommands,
    /// The levels in which commands may be run, the lowest first.
    pub(crate) work_at: Vec<String>,
    pub(crate) on_open: Vec<String>,
    pub(crate) on_close: Vec<String>,
    pub(crate) levels: BTreeMap<String, Level>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) pagers: Vec<Pager>,
    pub(crate) dialogues: Vec<Dialogue>,
    /// Each matches from a line's beginning to its end.
    /// For each line of an output's beginning: they are tied to where a text begins.
    pub(crate) rejections: Option<Regex>,
    pub(crate) busy: Option<Regex>,
    /// Messages that nobody asked for, beside those of the common forms.
    pub(crate) notices: Option<Regex>,
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
    /// Command and RETURN are sent in one go. Nothing is taken for output that comes before the
    /// whole echo of the command has been seen.
    #[default]
    Verify,
    /// As `verify`, and RETURN is typed only once the echo has been seen: for a device that loses
    /// what is typed ahead, or repaints the line so much that its end cannot be told.
    Await,
    /// Command and RETURN are sent in one go, and no echo is expected; what looks like one is taken
    /// off the output.
    Ignore,
}

/// A privilege level or mode, told by its prompt.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(super) prompt: Regex,
    pub(super) except: Option<Regex>,
}

impl Level {
    /// Whether `line`, without blanks at its end, is a prompt of this level.
    pub(crate) fn matches(&self, line: &str) -> bool {
        self.prompt.is_match(line) && !self.except.as_ref().is_some_and(|not| not.is_match(line))
    }
}

/// A way from one level to another.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) command: Step,
    /// What the device asks the enable password with, if it asks for one.
    pub(crate) asks: Option<Regex>,
}

/// The text of a pager, and the key that makes it go on.
#[derive(Clone, Debug)]
pub(crate) struct Pager {
    pub(crate) pattern: Regex,
    pub(crate) key: String,
}

/// A question before the first prompt, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Dialogue {
    pub(crate) pattern: Regex,
    pub(crate) answer: Answer,
}

/// What a question before the first prompt is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Text(String),
    Username,
    Password,
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

    /// The level whose prompt stands at the end of `screen`: on the line the cursor is on, with
    /// nothing else on it. A line of more than 256 characters is no prompt.
    ///
    /// ```
    /// use driver_cli::{Platforms, Screen};
    ///
    /// let platform = Platforms::builtin().get(&"cisco_iosxe".into()).unwrap();
    /// let mut screen = Screen::new();
    /// screen.feed(b"Welcome\r\nedge-1(config)#");
    /// assert_eq!(platform.level_at(&screen), Some("configuration"));
    /// ```
    pub fn level_at(&self, screen: &Screen) -> Option<&str> {
        if !(1..=PROMPT_CHARS_MAX).contains(&screen.line_length()) {
            return None;
        }
        self.level_of(&screen.line())
    }

    /// The level whose prompt `line` is, blanks at its end aside. Levels to work in come first.
    pub(crate) fn level_of(&self, line: &str) -> Option<&str> {
        let line = line.trim_end();
        let matches = |name: &&String| self.levels[name.as_str()].matches(line);
        self.work_at.iter().chain(self.levels.keys()).find(matches).map(String::as_str)
    }
}
