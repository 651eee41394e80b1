//! Acme OS, the made-up platform of the document on how to add one.

use super::keywords::{Keyword, Takes, Wrong, read};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally};

pub(super) static DIALECT: Dialect = Dialect {
    name: "acme_os",
    aliases: &["acme"],
    server_id: "SSH-2.0-Acme_7",
    login_text: "\nAcme OS 7. For staff only>\n",
    prompt: "{host}# ",
    user_prompt: None,
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: "<more>", erase: "\r      \r" }),
    paging_off: &["page off"],
    logging_off: &["no log"],
    quit: &["bye"],
    accepted: &[],
    version_command: "show version",
    config_command: "show config",
    session_limit: "\nline busy\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Acme,
};

static KEYWORDS: [Keyword; 2] = [
    Keyword { name: "times", takes: Takes::Count(1..=50) },
    Keyword { name: "bytes", takes: Takes::Size(36..=1500) },
];

#[derive(Debug)]
struct Acme;

impl Grammar for Acme {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        let last = line.words().last().copied().unwrap_or_default();
        Refusal::new(format!("?! no such thing: {last}\n"))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        let target = match words[..] {
            ["ping"] => return Some(Err(Refusal::new("?! ping whom\n"))),
            ["ping", target, ..] => target,
            _ => return None,
        };
        let mut command = PingCommand::with_defaults(3, 36, 2000, 0);
        command.target = target.to_owned();
        Some(match read(&KEYWORDS, &words, 2, &mut command) {
            Ok(()) => Ok(command),
            Err(Wrong::At(at)) => Err(Refusal::new(format!("?! no such thing: {}\n", words[at]))),
            Err(Wrong::Incomplete) => Err(Refusal::new("?! and how many\n")),
        })
    }

    fn unresolved(&self, target: &str) -> Refusal {
        Refusal::new(format!("?! who is {target}\n"))
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("?! no such thing: {vrf}\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        format!("asking {}\n", run.address)
    }

    fn reply(&self, _run: &PingRun, _index: u32, _rtt_ms: f64) -> String {
        String::new()
    }

    fn lost(&self, _run: &PingRun, _index: u32) -> String {
        String::new()
    }

    fn summary(&self, _run: &PingRun, tally: &Tally) -> String {
        format!("{} sent, {} came back\n", tally.sent, tally.received)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lossy};
    use super::DIALECT;

    #[test]
    fn it_tells_two_figures() {
        let expect = "asking 198.51.100.1\n4 sent, 2 came back\n";
        check(&DIALECT, "ping 198.51.100.1 times 4 bytes 100", &lossy(50, 1.0), expect);
    }

    #[test]
    fn errors_are_the_devices() {
        for (command, expect) in [
            ("ping", "?! ping whom\n"),
            ("ping far.example.invalid", "?! who is far.example.invalid\n"),
            ("ping 192.0.2.1 twice", "?! no such thing: twice\n"),
            ("ping 192.0.2.1 times", "?! and how many\n"),
            ("show times", "?! no such thing: times\n"),
        ] {
            check(&DIALECT, command, &lossy(0, 1.0), expect);
        }
    }
}
