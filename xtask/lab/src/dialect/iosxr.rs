use super::keywords::{Keyword, Takes, Wrong};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally, ios};

pub(super) static DIALECT: Dialect = Dialect {
    name: "cisco_iosxr",
    aliases: &[],
    server_id: "SSH-2.0-Cisco-2.0",
    login_text: "\n\n\n",
    prompt: "RP/0/RP0/CPU0:{host}#",
    user_prompt: None,
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: " --More-- ", erase: "\r          \r" }),
    paging_off: &["terminal length 0"],
    logging_off: &["terminal monitor disable"],
    quit: &["exit", "quit", "logout"],
    accepted: &["terminal"],
    version_command: "show version",
    config_command: "show running-config",
    session_limit: "% No VTY line is available\n",
    timestamps_off: Some("terminal exec prompt no-timestamp"),
    pastes_bracketed: false,
    grammar: &IosXr,
};

#[derive(Debug)]
struct IosXr;

const KEYWORDS: [Keyword; 6] = [
    Keyword { name: "count", takes: Takes::Count(1..=2_147_483_647) },
    Keyword { name: "size", takes: Takes::Size(36..=18_024) },
    Keyword { name: "timeout", takes: Takes::Timeout(0..=36) },
    Keyword { name: "source", takes: Takes::Source },
    Keyword { name: "df-bit", takes: Takes::Nothing },
    Keyword { name: "validate", takes: Takes::Nothing },
];

impl Grammar for IosXr {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        ios::refuse(line, Wrong::At(0))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        ios::ping(line, &["ipv4", "ipv6"], &KEYWORDS)
    }

    fn unresolved(&self, target: &str) -> Refusal {
        ios::unresolved(target)
    }

    fn unknown_vrf(&self, _vrf: &str) -> Refusal {
        Refusal::new("% Invalid vrf\n")
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
    fn one_of_five_is_lost() {
        check(
            &DIALECT,
            "ping vrf MGMT ipv4 198.51.100.1 count 5 timeout 1",
            &lossy(20, 3.0),
            "Type escape sequence to abort.\n\
             Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 1 seconds:\n\
             !!.!!\n\
             Success rate is 80 percent (4/5), round-trip min/avg/max = 2/3/4 ms\n",
        );
    }

    #[test]
    fn repeat_is_a_word_of_other_platforms() {
        let column = "RP/0/RP0/CPU0:r1#".len() + "ping 192.0.2.1 ".len();
        check(
            &DIALECT,
            "ping 192.0.2.1 repeat 5",
            &lossy(0, 3.0),
            &format!("{}^\n% Invalid input detected at '^' marker.\n\n", " ".repeat(column)),
        );
        check(&DIALECT, "ping vrf NOPE 192.0.2.1", &lossy(0, 3.0), "% Invalid vrf\n");
    }
}
