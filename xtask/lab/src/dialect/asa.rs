use super::keywords::{Keyword, Takes, Wrong, read};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally, ios};

pub(super) static DIALECT: Dialect = Dialect {
    name: "cisco_asa",
    aliases: &[],
    server_id: "SSH-2.0-Cisco-1.25",
    login_text: "User {user} logged in to {host}\n\
                 Type help or '?' for a list of available commands.\n",
    prompt: "{host}# ",
    user_prompt: Some("{host}> "),
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: "<--- More --->", erase: "\r              \r" }),
    paging_off: &["terminal pager 0"],
    logging_off: &["terminal no monitor"],
    quit: &["exit", "quit", "logout"],
    accepted: &["terminal"],
    version_command: "show version",
    config_command: "show running-config",
    session_limit: "Maximum number of SSH sessions reached\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Asa,
};

#[derive(Debug)]
struct Asa;

const KEYWORDS: [Keyword; 4] = [
    Keyword { name: "repeat", takes: Takes::Count(1..=2_147_483_647) },
    Keyword { name: "size", takes: Takes::Size(28..=16_384) },
    Keyword { name: "timeout", takes: Takes::Timeout(0..=3600) },
    Keyword { name: "validate", takes: Takes::Nothing },
];

fn refuse(line: &Line<'_>, wrong: Wrong) -> Refusal {
    Refusal::new(match wrong {
        Wrong::At(word) => {
            format!("{}ERROR: % Invalid input detected at '^' marker.\n", line.caret(word, 0))
        }
        Wrong::Incomplete => "ERROR: % Incomplete command\n".to_owned(),
    })
}

impl Grammar for Asa {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        refuse(line, Wrong::At(0))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        if *words.first()? != "ping" {
            return None;
        }
        let mut command = PingCommand::with_defaults(5, 100, 2000, 0);
        let result = match words.get(1) {
            Some(target) => {
                command.target = (*target).to_owned();
                read(&KEYWORDS, &words, 2, &mut command)
            }
            None => Err(Wrong::Incomplete),
        };
        Some(result.map(|()| command).map_err(|wrong| refuse(line, wrong)))
    }

    fn unresolved(&self, target: &str) -> Refusal {
        Refusal::new(format!("ERROR: % Invalid Hostname: {target}\n"))
    }

    fn unknown_vrf(&self, _vrf: &str) -> Refusal {
        Refusal::new("ERROR: % Invalid input detected at '^' marker.\n".to_owned())
    }

    fn header(&self, run: &PingRun) -> String {
        ios::header(run)
    }

    fn reply(&self, _run: &PingRun, index: u32, _rtt_ms: f64) -> String {
        ios::mark('!', index)
    }

    fn lost(&self, _run: &PingRun, index: u32) -> String {
        ios::mark('?', index)
    }

    fn summary(&self, _run: &PingRun, tally: &Tally) -> String {
        ios::summary(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lossy};
    use super::DIALECT;

    #[test]
    fn it_prints_marks_and_refuses_with_error() {
        check(
            &DIALECT,
            "ping 203.0.113.1 repeat 3 timeout 1",
            &lossy(100, 10.0),
            "Type escape sequence to abort.\n\
             Sending 3, 100-byte ICMP Echos to 203.0.113.1, timeout is 1 seconds:\n\
             ???\n\
             Success rate is 0 percent (0/3)\n",
        );
        let expect = "    ^\nERROR: % Invalid input detected at '^' marker.\n";
        check(&DIALECT, "pimg 192.0.2.1", &lossy(0, 1.0), expect);
    }
}
