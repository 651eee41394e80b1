use super::keywords::{Keyword, Takes, Wrong};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally, ios};

pub(super) static DIALECT: Dialect = Dialect {
    name: "cisco_iosxe",
    aliases: &["cisco_ios"],
    server_id: "SSH-2.0-Cisco-1.25",
    login_text: "\n",
    prompt: "{host}#",
    user_prompt: Some("{host}>"),
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager {
        text: " --More-- ",
        erase: "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08",
    }),
    paging_off: &["terminal length 0"],
    logging_off: &["terminal no monitor"],
    quit: &["exit", "quit", "logout"],
    accepted: &["terminal"],
    version_command: "show version",
    config_command: "show running-config",
    session_limit: "% Login refused: no VTY line is free\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &IosXe,
};

#[derive(Debug)]
struct IosXe;

const KEYWORDS: [Keyword; 6] = [
    Keyword { name: "repeat", takes: Takes::Count(1..=2_147_483_647) },
    Keyword { name: "size", takes: Takes::Size(36..=18_024) },
    Keyword { name: "timeout", takes: Takes::Timeout(0..=3600) },
    Keyword { name: "source", takes: Takes::Source },
    Keyword { name: "df-bit", takes: Takes::Nothing },
    Keyword { name: "validate", takes: Takes::Nothing },
];

impl Grammar for IosXe {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        ios::refuse(line, Wrong::At(0))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        ios::ping(line, &["ip", "ipv6"], &KEYWORDS)
    }

    fn unresolved(&self, target: &str) -> Refusal {
        ios::unresolved(target)
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("% IP routing table {vrf} does not exist\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        ios::header(run)
    }

    fn reply(&self, _run: &PingRun, index: u32, _rtt_ms: f64) -> String {
        ios::mark('!', index)
    }

    fn lost(&self, _run: &PingRun, index: u32) -> String {
        ios::mark('.', index)
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
    fn five_of_five() {
        check(
            &DIALECT,
            "ping 198.51.100.1",
            &lossy(0, 10.0),
            "Type escape sequence to abort.\n\
             Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\n\
             !!!!!\n\
             Success rate is 100 percent (5/5), round-trip min/avg/max = 8/10/12 ms\n",
        );
    }

    #[test]
    fn the_whole_syntax_is_read() {
        check(
            &DIALECT,
            "ping vrf MGMT ip 203.0.113.1 rep 2 size 64 timeout 1 source 192.0.2.1 df-bit",
            &lossy(100, 10.0),
            "Type escape sequence to abort.\n\
             Sending 2, 64-byte ICMP Echos to 203.0.113.1, timeout is 1 seconds:\n\
             Packet sent with a source address of 192.0.2.1\n\
             ..\n\
             Success rate is 0 percent (0/2)\n",
        );
    }

    #[test]
    fn marks_wrap_at_seventy() {
        let marks = format!("{}\n{}", "!".repeat(70), "!".repeat(30));
        check(
            &DIALECT,
            "ping 198.51.100.1 repeat 100",
            &lossy(0, 0.4),
            &format!(
                "Type escape sequence to abort.\n\
                 Sending 100, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\n\
                 {marks}\n\
                 Success rate is 100 percent (100/100), round-trip min/avg/max = 1/1/1 ms\n"
            ),
        );
    }

    #[test]
    fn errors_are_the_devices() {
        let marker = "% Invalid input detected at '^' marker.\n\n";
        for (command, caret) in [
            ("ping 192.0.2.1 count 3", Some(15)),
            ("ping 192.0.2.1 repeat 0", Some(22)),
            ("ping 192.0.2.1 repeat many", Some(22)),
            ("pimg 192.0.2.1", Some(0)),
            ("ping", None),
            ("ping vrf", None),
            ("ping 192.0.2.1 timeout", None),
        ] {
            let expect = match caret {
                // The prompt of the test is `r1#`.
                Some(column) => format!("{}^\n{marker}", " ".repeat(3 + column)),
                None => "% Incomplete command.\n\n".to_owned(),
            };
            check(&DIALECT, command, &lossy(0, 1.0), &expect);
        }
        check(
            &DIALECT,
            "ping vrf NOPE 192.0.2.1",
            &lossy(0, 1.0),
            "% IP routing table NOPE does not exist\n",
        );
        check(
            &DIALECT,
            "ping nosuch.invalid",
            &lossy(0, 1.0),
            "Translating \"nosuch.invalid\"...domain server (255.255.255.255)\n\
             % Unrecognized host or address, or protocol not running.\n\n",
        );
    }
}
