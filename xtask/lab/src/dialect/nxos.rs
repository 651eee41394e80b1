use super::keywords::{Keyword, Takes, Wrong, read};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally};

pub(super) static DIALECT: Dialect = Dialect {
    name: "cisco_nxos",
    aliases: &[],
    server_id: "SSH-2.0-OpenSSH_8.3",
    login_text: "Nexus Operating System (NX-OS) Software, simulated\n\
                 No support is available for this device.\n",
    prompt: "{host}# ",
    user_prompt: Some("{host}> "),
    newline: "\r\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: "--More--", erase: "\r\x1b[K" }),
    paging_off: &["terminal length 0"],
    logging_off: &["terminal no monitor"],
    quit: &["exit", "quit", "logout"],
    accepted: &["terminal"],
    version_command: "show version",
    config_command: "show running-config",
    session_limit: "CLI session limit 32 reached\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &NxOs,
};

#[derive(Debug)]
struct NxOs;

const KEYWORDS: [Keyword; 6] = [
    Keyword { name: "count", takes: Takes::Count(1..=655_350) },
    Keyword { name: "packet-size", takes: Takes::Size(1..=65_468) },
    Keyword { name: "timeout", takes: Takes::Timeout(1..=60) },
    Keyword { name: "source", takes: Takes::Source },
    Keyword { name: "vrf", takes: Takes::Vrf },
    Keyword { name: "df-bit", takes: Takes::Nothing },
];

/// Bytes of an ICMP header, which this platform counts in replies.
const ICMP_HEADER: u32 = 8;

fn refuse(line: &Line<'_>, wrong: Wrong) -> Refusal {
    Refusal::new(match wrong {
        Wrong::At(word) => format!("{}% Invalid command at '^' marker.\n", line.caret(word, 0)),
        Wrong::Incomplete => {
            format!("{}% Incomplete command at '^' marker.\n", line.caret(usize::MAX, 0))
        }
    })
}

impl Grammar for NxOs {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        refuse(line, Wrong::At(0))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        if !matches!(*words.first()?, "ping" | "ping6") {
            return None;
        }
        let mut command = PingCommand::with_defaults(5, 56, 2000, 0);
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
        Refusal::new(format!("% Invalid host/interface {target}\n"))
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("ping: bad context {vrf}\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        let family = if run.is_v6() { "PING6" } else { "PING" };
        let (target, address) = (&run.command.target, &run.address);
        let source =
            run.command.source.as_ref().map_or(String::new(), |source| format!(" from {source}"));
        format!("{family} {target} ({address}){source}: {} data bytes\n", run.command.size)
    }

    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String {
        let ttl = if run.is_v6() { "" } else { " ttl=253" };
        let bytes = run.command.size + ICMP_HEADER;
        format!("{bytes} bytes from {}: icmp_seq={index}{ttl} time={rtt_ms:.3} ms\n", run.address)
    }

    fn lost(&self, _run: &PingRun, index: u32) -> String {
        format!("Request {index} timed out\n")
    }

    fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        let tool = if run.is_v6() { "ping6" } else { "ping" };
        let rtt = if tally.received == 0 {
            String::new()
        } else {
            let [min, avg, max] =
                [tally.min_ms(), tally.avg_ms(), tally.max_ms()].map(without_trailing_zeros);
            format!("round-trip min/avg/max = {min}/{avg}/{max} ms\n")
        };
        format!(
            "\n--- {} {tool} statistics ---\n\
             {} packets transmitted, {} packets received, {:.2}% packet loss\n{rtt}",
            run.command.target,
            tally.sent,
            tally.received,
            tally.loss_pct(),
        )
    }
}

/// This platform prints `2.320` as `2.32`.
fn without_trailing_zeros(rtt_ms: f64) -> String {
    let text = format!("{rtt_ms:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lossy};
    use super::DIALECT;

    #[test]
    fn three_replies() {
        check(
            &DIALECT,
            "ping 198.51.100.1 count 3 packet-size 100 vrf management",
            &lossy(0, 1.5),
            "PING 198.51.100.1 (198.51.100.1): 100 data bytes\n\
             108 bytes from 198.51.100.1: icmp_seq=0 ttl=253 time=1.500 ms\n\
             108 bytes from 198.51.100.1: icmp_seq=1 ttl=253 time=1.350 ms\n\
             108 bytes from 198.51.100.1: icmp_seq=2 ttl=253 time=1.650 ms\n\
             \n\
             --- 198.51.100.1 ping statistics ---\n\
             3 packets transmitted, 3 packets received, 0.00% packet loss\n\
             round-trip min/avg/max = 1.35/1.5/1.65 ms\n",
        );
    }

    #[test]
    fn nothing_comes_back() {
        check(
            &DIALECT,
            "ping 203.0.113.1 timeout 1 count 2 source 192.0.2.1",
            &lossy(100, 1.5),
            "PING 203.0.113.1 (203.0.113.1) from 192.0.2.1: 56 data bytes\n\
             Request 0 timed out\n\
             Request 1 timed out\n\
             \n\
             --- 203.0.113.1 ping statistics ---\n\
             2 packets transmitted, 0 packets received, 100.00% packet loss\n",
        );
    }

    #[test]
    fn errors_are_the_devices() {
        let column = "r1# ping 192.0.2.1 ".len();
        check(
            &DIALECT,
            "ping 192.0.2.1 repeat 5",
            &lossy(0, 1.0),
            &format!("{}^\n% Invalid command at '^' marker.\n", " ".repeat(column)),
        );
        check(&DIALECT, "ping 192.0.2.1 vrf NOPE", &lossy(0, 1.0), "ping: bad context NOPE\n");
        check(&DIALECT, "ping nosuch", &lossy(0, 1.0), "% Invalid host/interface nosuch\n");
    }
}
