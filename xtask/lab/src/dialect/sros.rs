use super::keywords::{Keyword, Takes, Wrong, read};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally};

pub(super) static DIALECT: Dialect = Dialect {
    name: "nokia_sros",
    aliases: &[],
    server_id: "SSH-2.0-OpenSSH_8.0",
    login_text: "SR OS Software, simulated\n",
    // The model-driven command line, with the context above the prompt.
    prompt: "\n[/]\nA:{user}@{host}# ",
    user_prompt: None,
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager {
        text: "Press any key to continue (Q to quit)",
        erase: "\r                                     \r",
    }),
    paging_off: &["environment more false"],
    logging_off: &["environment no monitor"],
    quit: &["logout"],
    accepted: &["environment"],
    version_command: "show version",
    config_command: "show configuration",
    session_limit: "Maximum number of sessions reached\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Sros,
};

#[derive(Debug)]
struct Sros;

/// Those of the classic command line too, which has other names for two.
const KEYWORDS: [Keyword; 8] = [
    Keyword { name: "count", takes: Takes::Count(1..=100_000) },
    Keyword { name: "size", takes: Takes::Size(0..=16_384) },
    Keyword { name: "timeout", takes: Takes::Timeout(1..=10) },
    Keyword { name: "source", takes: Takes::Source },
    Keyword { name: "source-address", takes: Takes::Source },
    Keyword { name: "router", takes: Takes::Vrf },
    Keyword { name: "router-instance", takes: Takes::Vrf },
    Keyword { name: "do-not-fragment", takes: Takes::Nothing },
];

/// Bytes of an ICMP header, which this platform counts in replies.
const ICMP_HEADER: u32 = 8;

fn refuse(line: &Line<'_>, wrong: Wrong) -> Refusal {
    Refusal::new(match wrong {
        Wrong::At(at) => {
            let word = line.words().get(at).copied().unwrap_or_default();
            format!("{}MINOR: MGMT_CORE #2201: Unknown element - '{word}'\n", line.caret(at, 0))
        }
        Wrong::Incomplete => "MINOR: MGMT_CORE #2203: Missing value\n".to_owned(),
    })
}

impl Grammar for Sros {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        refuse(line, Wrong::At(0))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        if *words.first()? != "ping" {
            return None;
        }
        let mut command = PingCommand::with_defaults(5, 56, 5000, 1000);
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
        Refusal::new(format!("MINOR: OAM #2005: Cannot resolve {target}\n"))
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("MINOR: OAM #2006: Router instance {vrf} does not exist\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        format!("PING {} {} data bytes\n", run.command.target, run.command.size)
    }

    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String {
        let (bytes, sequence) = (run.command.size + ICMP_HEADER, index + 1);
        format!(
            "{bytes} bytes from {}: icmp_seq={sequence} ttl=64 time={rtt_ms:.2}ms.\n",
            run.address
        )
    }

    fn lost(&self, _run: &PingRun, index: u32) -> String {
        format!("Request timed out. icmp_seq={}.\n", index + 1)
    }

    fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        let rtt = if tally.received == 0 {
            String::new()
        } else {
            format!(
                "round-trip min = {:.2}ms, avg = {:.2}ms, max = {:.2}ms, stddev = {:.3}ms\n",
                tally.min_ms(),
                tally.avg_ms(),
                tally.max_ms(),
                tally.deviation_ms()
            )
        };
        format!(
            "\n---- {} PING Statistics ----\n\
             {} packets transmitted, {} packets received, {:.2}% packet loss\n{rtt}",
            run.command.target,
            tally.sent,
            tally.received,
            tally.loss_pct(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lossy};
    use super::DIALECT;

    #[test]
    fn it_counts_from_one_and_ends_its_lines_with_a_full_stop() {
        check(
            &DIALECT,
            "ping 198.51.100.1 count 2 timeout 1 router-instance MGMT",
            &lossy(0, 10.0),
            "PING 198.51.100.1 56 data bytes\n\
             64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=10.00ms.\n\
             64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=9.00ms.\n\n\
             ---- 198.51.100.1 PING Statistics ----\n\
             2 packets transmitted, 2 packets received, 0.00% packet loss\n\
             round-trip min = 9.00ms, avg = 9.50ms, max = 10.00ms, stddev = 0.500ms\n",
        );
        check(
            &DIALECT,
            "ping 203.0.113.1 count 1",
            &lossy(100, 10.0),
            "PING 203.0.113.1 56 data bytes\n\
             Request timed out. icmp_seq=1.\n\n\
             ---- 203.0.113.1 PING Statistics ----\n\
             1 packets transmitted, 0 packets received, 100.00% packet loss\n",
        );
    }
}
