use std::fmt;

use regex::Captures;

use super::read::{Reader, Reading};
use super::text::lines;
use crate::Target;

/// What figures, and what they are held against, can be called in a definition, in the order in
/// which they are shown.
const GROUPS: &[&str] = &[
    "target",
    "address",
    "announced",
    "alone",
    "untimed",
    "own_marks",
    "sent",
    "received",
    "loss_pct",
    "success_pct",
    "duplicates",
    "errors",
    "rtt_min",
    "rtt_avg",
    "rtt_max",
    "rtt_mdev",
    "time",
    "unit",
    "cut",
];

/// A line of a ping's output, and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLine {
    /// The line as it was read: without surrounding blanks and terminal control.
    pub text: String,
    /// By which kind of pattern.
    pub rule: ReadRule,
    /// What the pattern found in it, each by the name that the definition gives it, such as `sent`.
    pub found: Vec<(&'static str, String)>,
}

/// The kinds of patterns of a definition (its table `[ping]`), by which a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadRule {
    /// It begins a ping.
    Begins,
    /// It is a heading of statistics.
    Statistics,
    /// It has figures.
    Summary,
    /// It speaks of a single packet.
    Packet,
    /// It is a row of marks, one for each packet.
    Marks,
    /// The device refuses the command.
    Refused,
    /// It stands for statistics when nothing was answered.
    NoneAnswered,
    /// It stands within statistics and is none of theirs, or speaks of another ping behind them,
    /// which makes them unusable.
    Foreign,
    /// It says nothing about the ping.
    Passed,
}

impl ReadRule {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Statistics => "statistics",
            Self::Summary => "summary",
            Self::Packet => "packet",
            Self::Marks => "marks",
            Self::Refused => "refused",
            Self::NoneAnswered => "none_answered",
            Self::Foreign => "foreign",
            Self::Passed => "-",
        }
    }
}

impl fmt::Display for ReadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Reader {
    /// What is made of each line of `text`, by the same steps as reading it.
    pub(super) fn explain(&self, target: Option<&Target>, text: &str) -> Vec<ReadLine> {
        let mut reading = Reading::new(target);
        let explained = lines(text).map(|line| {
            let (rule, captures) = self.take(&mut reading, &line);
            let found = captures.as_ref().map(found).unwrap_or_default();
            ReadLine { rule, found, text: line.text }
        });
        explained.collect()
    }
}

fn found(captures: &Captures<'_>) -> Vec<(&'static str, String)> {
    let value = |name: &&'static str| Some((*name, captures.name(name)?.as_str().to_owned()));
    GROUPS.iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use pool_core::Platform;

    use super::*;
    use crate::PingTask;

    const OUTPUT: &str = "Type escape sequence to abort.\n\
        Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\n\
        !!!!.\n\
        Success rate is 80 percent (4/5), round-trip min/avg/max = 1/2/4 ms\n";

    #[test]
    fn each_line_tells_by_which_rule_it_was_read_and_what_was_found_in_it() {
        let platform = Platform::new("cisco_iosxe");
        let target = Target::new("198.51.100.1").unwrap();
        let lines = PingTask::builtin().explain(&platform, Some(&target), OUTPUT).unwrap();
        let rules: Vec<_> = lines.iter().map(|line| line.rule).collect();
        use ReadRule::{Begins, Marks, Summary};
        assert_eq!(rules, [Begins, Begins, Marks, Summary]);
        assert!(lines[1].found.contains(&("target", "198.51.100.1".to_owned())), "{lines:?}");
        let found: Vec<_> = lines[3].found.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            found,
            ["sent", "received", "success_pct", "rtt_min", "rtt_avg", "rtt_max", "unit"]
        );
    }

    #[test]
    fn a_refusal_and_a_platform_that_is_not_there_are_told() {
        let platform = Platform::new("cisco_iosxe");
        let lines = PingTask::builtin().explain(&platform, None, "% Invalid input detected\n");
        assert_eq!(lines.unwrap()[0].rule, ReadRule::Refused);
        let nowhere = PingTask::builtin().explain(&Platform::new("toaster"), None, "");
        assert!(nowhere.is_err());
    }
}
