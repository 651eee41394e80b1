//! What each platform's command line looks like: data, and small functions that print.

mod acme;
mod asa;
mod comware;
mod dashes;
mod eos;
mod frr;
mod ios;
mod iosxe;
mod iosxr;
mod iputils;
mod junos;
mod keywords;
mod line;
mod linux;
mod nxos;
mod run;
mod sros;
mod vrp;

use std::fmt;

pub(crate) use line::{Line, Refusal};
pub(crate) use run::{PingCommand, PingRun, Tally};

/// One platform's command line.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// The SSH identification, without line end.
    pub(crate) server_id: &'static str,
    /// The text after login; `{host}`, `{user}` and `{time}` are filled in.
    pub(crate) login_text: &'static str,
    /// The prompt; `{host}` and `{user}` are filled in.
    pub(crate) prompt: &'static str,
    /// The prompt before `enable`, on platforms that have that.
    pub(crate) user_prompt: Option<&'static str>,
    /// How a line ends on a terminal. Without a terminal it is CR LF, or LF where `unix` is set.
    pub(crate) newline: &'static str,
    /// Whether this is a Unix shell: errors go to the error stream, `^C` is echoed, an executed
    /// command has lines ended by LF.
    pub(crate) unix: bool,
    /// Whether leaving the shell ends the whole connection, as on network devices.
    pub(crate) hangs_up: bool,
    pub(crate) pager: Option<Pager>,
    /// The commands that switch paging off.
    pub(crate) paging_off: &'static [&'static str],
    /// The commands that switch log messages to the terminal off.
    pub(crate) logging_off: &'static [&'static str],
    /// The commands that end the session.
    pub(crate) quit: &'static [&'static str],
    /// First words of commands that are accepted and print nothing.
    pub(crate) accepted: &'static [&'static str],
    /// The command that tells the version, and the one with many lines.
    pub(crate) version_command: &'static str,
    pub(crate) config_command: &'static str,
    /// What is printed when there are too many sessions.
    pub(crate) session_limit: &'static str,
    /// Where a line with the time precedes every output, the command that switches it off.
    pub(crate) timestamps_off: Option<&'static str>,
    /// Whether it asks the terminal to mark pasted text, as bash does.
    pub(crate) pastes_bracketed: bool,
    pub(crate) grammar: &'static dyn Grammar,
}

/// A platform's pager.
#[derive(Debug)]
pub(crate) struct Pager {
    /// What it prints below a page.
    pub(crate) text: &'static str,
    /// How it wipes that away.
    pub(crate) erase: &'static str,
}

/// How a platform reads `ping`, and what it prints. Texts have lines ended by `\n`.
pub(crate) trait Grammar: fmt::Debug + Sync {
    /// What the device answers to a command that it does not know.
    fn unknown(&self, line: &Line<'_>) -> Refusal;

    /// Reads a ping command; `None` when the line is another command.
    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>>;

    /// What is printed about a target that has no address.
    fn unresolved(&self, target: &str) -> Refusal;

    /// What is printed about a VRF that does not exist.
    fn unknown_vrf(&self, vrf: &str) -> Refusal;

    fn header(&self, run: &PingRun) -> String;

    /// What a reply prints; the packets are counted from 0.
    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String;

    /// What a lost packet prints.
    fn lost(&self, run: &PingRun, index: u32) -> String;

    fn summary(&self, run: &PingRun, tally: &Tally) -> String;

    /// The line of the system log about a ping that has ended.
    fn log_line(&self, host: &str, _run: &PingRun, _tally: &Tally) -> String {
        format!("%{}: {host}: ping finished", crate::clock::log_time())
    }
}

static DIALECTS: [&Dialect; 11] = [
    &iosxe::DIALECT,
    &iosxr::DIALECT,
    &nxos::DIALECT,
    &vrp::DIALECT,
    &comware::DIALECT,
    &linux::DIALECT,
    &frr::DIALECT,
    &eos::DIALECT,
    &junos::DIALECT,
    &sros::DIALECT,
    &asa::DIALECT,
];

/// What nobody sells, for routers that are asked for by name only.
static MADE_UP: [&Dialect; 1] = [&acme::DIALECT];

/// The dialect of a platform, by its name or an alias.
pub(crate) fn by_name(name: &str) -> Option<&'static Dialect> {
    DIALECTS
        .iter()
        .chain(&MADE_UP)
        .copied()
        .find(|dialect| dialect.name == name || dialect.aliases.contains(&name))
}

/// The names of all platforms that a router can have, made-up ones aside.
pub fn platforms() -> Vec<&'static str> {
    DIALECTS.iter().map(|dialect| dialect.name).collect()
}

/// What a session may do, on platforms that tell it by the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Before `enable`.
    User,
    Enabled,
}

impl Dialect {
    pub(crate) fn prompt(&self, level: Level, host: &str, user: &str) -> String {
        let template = match level {
            Level::User => self.user_prompt.unwrap_or(self.prompt),
            Level::Enabled => self.prompt,
        };
        fill(template, host, user)
    }

    pub(crate) fn login_text(&self, host: &str, user: &str) -> String {
        fill(self.login_text, host, user)
    }
}

fn fill(template: &str, host: &str, user: &str) -> String {
    template
        .replace("{host}", host)
        .replace("{user}", user)
        .replace("{time}", &crate::clock::login_time())
}

#[cfg(test)]
mod testing;
