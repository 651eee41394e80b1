//! What each platform's command line looks like: a table for each, in `dialects/`, and the code
//! that reads and prints by it.

mod letters;
mod line;
mod number;
mod options;
mod ping;
mod prints;
mod refusals;
mod run;
mod syntax;
mod template;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde::Deserialize;

pub(crate) use line::{Line, Refusal};
pub(crate) use ping::{Asked, Ping};
use refusals::RefusalText;
pub(crate) use run::{PingCommand, PingRun, Tally};

/// One platform's command line: a file of `dialects/`, named after it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dialect {
    /// That of the file.
    #[serde(skip)]
    pub(crate) name: &'static str,
    #[serde(default)]
    aliases: Vec<String>,
    /// Whether nobody sells it, so that a router has it only if it is asked for by name.
    #[serde(default)]
    made_up: bool,
    /// The SSH identification, without line end.
    pub(crate) server_id: String,
    /// The text after login; `{host}`, `{user}` and `{time}` are filled in.
    login_text: String,
    /// What is asked for once more behind the login of SSH.
    pub(crate) asks_login: Option<AsksLogin>,
    /// The prompt; `{host}` and `{user}` are filled in.
    prompt: String,
    /// The prompt before `enable`, on platforms that have that.
    pub(crate) user_prompt: Option<String>,
    /// Whether leaving the enabled level leads to the user level, and not out.
    #[serde(default)]
    pub(crate) quits_by_levels: bool,
    /// How a line ends on a terminal. Without a terminal it is CR LF, or LF where `unix` is set.
    #[serde(default = "crlf")]
    pub(crate) newline: String,
    /// Whether this is a Unix shell: errors go to the error stream, `^C` is echoed, an executed
    /// command has lines ended by LF.
    #[serde(default)]
    pub(crate) unix: bool,
    /// Whether leaving the shell ends the whole connection, as on network devices.
    #[serde(default = "yes")]
    pub(crate) hangs_up: bool,
    /// What the terminal is like may stand behind a `+` in the user name, and each key and RETURN
    /// paint the whole line anew, as on RouterOS.
    #[serde(default)]
    pub(crate) terminal_in_username: bool,
    /// The text below a page, and how it is wiped away.
    pub(crate) pager: Option<Pager>,
    /// The commands that switch paging off, and log messages to the terminal.
    #[serde(default)]
    pub(crate) paging_off: Vec<String>,
    #[serde(default)]
    pub(crate) logging_off: Vec<String>,
    /// Where a line with the time precedes every output, the command that switches it off.
    pub(crate) timestamps_off: Option<String>,
    /// The commands that end the session, and what they may ask before.
    pub(crate) quit: Vec<String>,
    pub(crate) quit_asks: Option<String>,
    /// First words of commands that are accepted and print nothing.
    #[serde(default)]
    pub(crate) accepted: Vec<String>,
    /// The command that tells the version, and the one with many lines.
    pub(crate) version_command: String,
    pub(crate) config_command: String,
    /// What is printed when there are too many sessions.
    pub(crate) session_limit: String,
    /// Whether it asks the terminal to mark pasted text, as bash does.
    #[serde(default)]
    pub(crate) pastes_bracketed: bool,
    /// The answer to a command that it does not know.
    unknown: RefusalText,
    pub(crate) ping: Ping,
}

/// A platform's pager.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pager {
    /// What it prints below a page.
    pub(crate) text: String,
    /// How it wipes that away.
    pub(crate) erase: String,
}

/// The questions of a login on the terminal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AsksLogin {
    pub(crate) user: String,
    pub(crate) password: String,
}

fn crlf() -> String {
    "\r\n".to_owned()
}

fn yes() -> bool {
    true
}

macro_rules! dialects {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../dialects/", $name, ".toml")))),+]
    };
}

/// Read once. A table that cannot be read is a mistake in this crate, and every test's to find.
static DIALECTS: LazyLock<Vec<Dialect>> = LazyLock::new(|| {
    let tables = dialects![
        "cisco_iosxe",
        "cisco_iosxr",
        "cisco_nxos",
        "huawei_vrp",
        "h3c_comware",
        "linux",
        "frr_vtysh",
        "arista_eos",
        "juniper_junos",
        "nokia_sros",
        "nokia_sros_classic",
        "cisco_asa",
        "mikrotik_routeros",
        "fortinet_fortios",
        "ruckus_icx",
        "cisco_aireos",
        "acme_os",
    ];
    let read = |(name, table)| match toml::from_str::<Dialect>(table) {
        Ok(dialect) => Dialect { name, ..dialect },
        Err(error) => panic!("dialects/{name}.toml: {error}"),
    };
    tables.map(read).into()
});

/// The dialect of a platform, by its name or an alias.
pub(crate) fn by_name(name: &str) -> Option<&'static Dialect> {
    let is = |dialect: &&Dialect| {
        dialect.name == name || dialect.aliases.iter().any(|alias| alias == name)
    };
    DIALECTS.iter().find(is)
}

/// The names of all platforms that a router can have, made-up ones aside.
pub fn platforms() -> Vec<&'static str> {
    DIALECTS.iter().filter(|dialect| !dialect.made_up).map(|dialect| dialect.name).collect()
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
            Level::User => self.user_prompt.as_ref().unwrap_or(&self.prompt),
            Level::Enabled => &self.prompt,
        };
        fill(template, host, user)
    }

    pub(crate) fn login_text(&self, host: &str, user: &str) -> String {
        fill(&self.login_text, host, user)
    }

    /// The answer to a command that it does not know.
    pub(crate) fn unknown(&self, line: &Line<'_>) -> Refusal {
        self.unknown.at(line, 0)
    }
}

fn fill(template: &str, host: &str, user: &str) -> String {
    template
        .replace("{host}", host)
        .replace("{user}", user)
        .replace("{time}", &crate::clock::login_time())
}
