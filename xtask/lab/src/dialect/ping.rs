//! How a platform reads `ping`.

use std::time::Duration;

use serde::Deserialize;

use super::letters;
use super::options::Options;
use super::prints::Prints;
use super::refusals::{Refusals, Refused};
use super::run::{PingCommand, PingRun, Tally};
use super::syntax::{Reader, Syntax};
use super::{Line, Refusal};

/// The `[ping]` table of a dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ping {
    /// The words that it begins with, in each of its forms.
    commands: Vec<String>,
    /// The words that options are set with beforehand, which hold until the session ends.
    #[serde(default)]
    presets: Vec<String>,
    /// Whether the word may be shortened to two letters.
    #[serde(default)]
    shortened: bool,
    /// Words before the target that tell IPv4 from IPv6.
    #[serde(default)]
    families: Vec<String>,
    #[serde(default)]
    syntax: Syntax,
    defaults: Defaults,
    #[serde(default)]
    options: Options,
    refusals: Refusals,
    prints: Prints,
    /// The texts that differ for IPv6: all of them, where there is one.
    prints_ipv6: Option<Prints>,
}

/// What holds unless the command says otherwise.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    /// 0: until it is interrupted.
    count: u32,
    size: u32,
    timeout_ms: u64,
    #[serde(default)]
    interval_ms: u64,
    /// Bytes of headers that the size of a command counts in, and what is printed does not.
    #[serde(default)]
    size_of_headers: u32,
}

/// What a line asks of `ping`.
#[derive(Debug)]
pub(crate) enum Asked {
    Ping(PingCommand),
    /// Options for the pings of this session.
    Preset(PingCommand),
    Refused(Refusal),
}

impl Ping {
    /// The options before anything is said.
    pub(crate) fn defaults(&self) -> PingCommand {
        let Defaults { count, size, timeout_ms, interval_ms, size_of_headers } = self.defaults;
        PingCommand {
            target: String::new(),
            count: Some(count).filter(|count| *count > 0),
            size: size + size_of_headers,
            timeout: Duration::from_millis(timeout_ms),
            interval: Duration::from_millis(interval_ms),
            source: None,
            vrf: None,
            quiet: false,
        }
    }

    /// Reads a line; `None` when it is another command. `presets` are the options of the session.
    pub(crate) fn read(&self, line: &Line<'_>, presets: &PingCommand) -> Option<Asked> {
        let words = line.words();
        let is_unix = self.syntax == Syntax::Letters;
        let words = if is_unix { letters::without_assignments(&words) } else { &words };
        let (syntax, families) = (self.syntax, self.families.as_slice());
        let reader = Reader { syntax, options: &self.options, families };
        let refused = |wrong| Asked::Refused(self.refusals.wrong(line, &wrong));
        if let Some(at) = self.presets.iter().find_map(|preset| behind(preset, words, false)) {
            let mut command = presets.clone();
            let read = reader.keywords(words, at, &mut command);
            return Some(read.map_or_else(refused, |()| Asked::Preset(command)));
        }
        let (at, vrf) = if is_unix { letters::behind_vrf(words) } else { (0, None) };
        let shortened = self.shortened;
        let behind = |form: &String| behind(form, words.get(at..)?, shortened);
        let at = at + self.commands.iter().find_map(behind)?;
        let mut command = presets.clone();
        command.vrf = vrf.or(command.vrf);
        // Where options are set beforehand, the command itself takes none.
        let none = Options::new();
        let options = if self.presets.is_empty() { &self.options } else { &none };
        let reader = Reader { options, ..reader };
        Some(reader.read(words, at, command).map_or_else(refused, |mut command| {
            command.size = command.size.saturating_sub(self.defaults.size_of_headers);
            Asked::Ping(command)
        }))
    }

    /// What is printed about a target that has no address.
    pub(crate) fn unresolved(&self, target: &str) -> Refusal {
        self.refusals.named(Refused::Unresolved, target)
    }

    /// What is printed about a VRF that does not exist.
    pub(crate) fn unknown_vrf(&self, vrf: &str) -> Refusal {
        self.refusals.named(Refused::UnknownVrf, vrf)
    }

    fn prints(&self, run: &PingRun) -> &Prints {
        self.prints_ipv6.as_ref().filter(|_| run.is_v6()).unwrap_or(&self.prints)
    }

    pub(crate) fn header(&self, run: &PingRun) -> String {
        self.prints(run).header(run)
    }

    /// What the packet prints that `tally` has counted last.
    pub(crate) fn packet(&self, run: &PingRun, tally: &Tally, rtt_ms: Option<f64>) -> String {
        self.prints(run).packet(run, tally, rtt_ms)
    }

    pub(crate) fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        self.prints(run).summary(run, tally)
    }

    /// The line of the system log about a ping that has ended.
    pub(crate) fn log_line(&self, host: &str, run: &PingRun, tally: &Tally) -> String {
        self.prints(run).log_line(host, run, tally)
    }
}

/// The index behind the words of `form`, if `words` begin with them.
fn behind(form: &str, words: &[&str], shortened: bool) -> Option<usize> {
    let form: Vec<_> = form.split(' ').collect();
    let is = |(word, expected): (&&str, &&str)| {
        word == expected || shortened && word.len() >= 2 && expected.starts_with(word)
    };
    (words.len() >= form.len() && words.iter().zip(&form).all(is)).then_some(form.len())
}
