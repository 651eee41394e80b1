use super::keywords::{Keyword, Takes};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally, ios, iputils};

pub(super) static DIALECT: Dialect = Dialect {
    name: "arista_eos",
    aliases: &[],
    server_id: "SSH-2.0-OpenSSH_8.7",
    login_text: "Last login: {time} from 192.0.2.250\n",
    prompt: "{host}#",
    user_prompt: Some("{host}>"),
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: " --More-- ", erase: "\r          \r" }),
    paging_off: &["terminal length 0"],
    logging_off: &["terminal no monitor"],
    quit: &["exit", "quit", "logout"],
    accepted: &["terminal"],
    version_command: "show version",
    config_command: "show running-config",
    session_limit: "% Maximum number of sessions reached\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Eos,
};

#[derive(Debug)]
struct Eos;

const KEYWORDS: [Keyword; 6] = [
    Keyword { name: "repeat", takes: Takes::Count(1..=2_147_483_647) },
    Keyword { name: "size", takes: Takes::Size(36..=18_024) },
    Keyword { name: "timeout", takes: Takes::Timeout(0..=3600) },
    Keyword { name: "source", takes: Takes::Source },
    Keyword { name: "interface", takes: Takes::Source },
    Keyword { name: "df-bit", takes: Takes::Nothing },
];

/// Bytes of an IPv4 and an ICMP header, which the size that is asked for counts in.
const HEADERS: u32 = 28;

impl Grammar for Eos {
    fn unknown(&self, _line: &Line<'_>) -> Refusal {
        Refusal::new("% Invalid input\n".to_owned())
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let mut command = match ios::ping(line, &["ip", "ipv6"], &KEYWORDS)? {
            Ok(command) => command,
            Err(_) => return Some(Err(self.unknown(line))),
        };
        command.size -= HEADERS;
        Some(Ok(command))
    }

    fn unresolved(&self, target: &str) -> Refusal {
        iputils::unresolved(target)
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("% Unable to find VRF {vrf}\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        iputils::header(run)
    }

    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String {
        iputils::reply(run, index, rtt_ms)
    }

    fn lost(&self, _run: &PingRun, _index: u32) -> String {
        String::new()
    }

    fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        iputils::summary(run, tally)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lossy};
    use super::DIALECT;

    #[test]
    fn it_is_the_systems_ping_with_other_words() {
        check(
            &DIALECT,
            "ping vrf MGMT 198.51.100.1 repeat 2 timeout 1",
            &lossy(0, 10.0),
            "PING 198.51.100.1 (198.51.100.1) 72(100) bytes of data.\n\
             80 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=10.0 ms\n\
             80 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=9.00 ms\n\n\
             --- 198.51.100.1 ping statistics ---\n\
             2 packets transmitted, 2 received, 0% packet loss, time 0ms\n\
             rtt min/avg/max/mdev = 9.000/9.500/10.000/0.500 ms\n",
        );
        check(&DIALECT, "ping 198.51.100.1 count 2", &lossy(0, 1.0), "% Invalid input\n");
    }
}
