use super::keywords::{Keyword, Takes, Wrong, read};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally};

pub(super) static DIALECT: Dialect = Dialect {
    name: "juniper_junos",
    aliases: &[],
    server_id: "SSH-2.0-OpenSSH_7.5",
    login_text: "Last login: {time} from 192.0.2.250\n--- JUNOS 21.4R3, simulated\n",
    // In a chassis with two routing engines, the line above tells which one this is.
    prompt: "\n{master}\n{user}@{host}> ",
    user_prompt: None,
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: "---(more)---", erase: "\r            \r" }),
    paging_off: &["set cli screen-length 0"],
    logging_off: &["monitor stop"],
    quit: &["exit", "quit"],
    accepted: &["set"],
    version_command: "show version",
    config_command: "show configuration",
    session_limit: "Too many logins for 'monitor'.\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Junos,
};

#[derive(Debug)]
struct Junos;

const KEYWORDS: [Keyword; 8] = [
    Keyword { name: "count", takes: Takes::Count(1..=2_000_000_000) },
    Keyword { name: "size", takes: Takes::Size(0..=65_468) },
    Keyword { name: "wait", takes: Takes::Timeout(0..=3600) },
    Keyword { name: "source", takes: Takes::Source },
    Keyword { name: "interface", takes: Takes::Source },
    Keyword { name: "routing-instance", takes: Takes::Vrf },
    Keyword { name: "do-not-fragment", takes: Takes::Nothing },
    Keyword { name: "no-resolve", takes: Takes::Nothing },
];

/// Bytes of an ICMP header, which this platform counts in replies.
const ICMP_HEADER: u32 = 8;

fn refuse(line: &Line<'_>, wrong: Wrong) -> Refusal {
    Refusal::new(match wrong {
        Wrong::At(0) => format!("{}unknown command.\n", line.caret(0, 0)),
        Wrong::At(word) => format!("{}syntax error.\n", line.caret(word, 0)),
        Wrong::Incomplete => {
            format!("{}syntax error, expecting <data>.\n", line.caret(usize::MAX, 0))
        }
    })
}

impl Grammar for Junos {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        refuse(line, Wrong::At(0))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        if *words.first()? != "ping" {
            return None;
        }
        let mut command = PingCommand::with_defaults(0, 56, 10_000, 1000);
        // Without a count it runs until it is interrupted.
        command.count = None;
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
        Refusal::new(format!("ping: cannot resolve {target}: Host name lookup failure\n"))
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("error: routing instance {vrf} is not known\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        let (target, address, size) = (&run.command.target, &run.address, run.command.size);
        if run.is_v6() {
            let packet = size + 48;
            return format!("PING6({packet}=40+8+{size} bytes) 2001:db8::1 --> {address}\n");
        }
        format!("PING {target} ({address}): {size} data bytes\n")
    }

    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String {
        let bytes = run.command.size + ICMP_HEADER;
        if run.is_v6() {
            return format!(
                "{bytes} bytes from {}, icmp_seq={index} hlim=64 time={rtt_ms:.3} ms\n",
                run.address
            );
        }
        format!("{bytes} bytes from {}: icmp_seq={index} ttl=64 time={rtt_ms:.3} ms\n", run.address)
    }

    fn lost(&self, _run: &PingRun, _index: u32) -> String {
        String::new()
    }

    fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        let (tool, deviation) = if run.is_v6() { ("ping6", "std-dev") } else { ("ping", "stddev") };
        let target = if run.is_v6() { &run.address } else { &run.command.target };
        let rtt = if tally.received == 0 {
            String::new()
        } else {
            format!(
                "round-trip min/avg/max/{deviation} = {:.3}/{:.3}/{:.3}/{:.3} ms\n",
                tally.min_ms(),
                tally.avg_ms(),
                tally.max_ms(),
                tally.deviation_ms()
            )
        };
        format!(
            "\n--- {target} {tool} statistics ---\n\
             {} packets transmitted, {} packets received, {:.0}% packet loss\n{rtt}",
            tally.sent,
            tally.received,
            // BSD's ping cuts the percentage.
            tally.loss_pct().floor(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_interrupted, lossy};
    use super::DIALECT;

    #[test]
    fn it_prints_what_bsd_prints() {
        check(
            &DIALECT,
            "ping 198.51.100.1 count 2 wait 1 routing-instance MGMT",
            &lossy(0, 10.0),
            "PING 198.51.100.1 (198.51.100.1): 56 data bytes\n\
             64 bytes from 198.51.100.1: icmp_seq=0 ttl=64 time=10.000 ms\n\
             64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=9.000 ms\n\n\
             --- 198.51.100.1 ping statistics ---\n\
             2 packets transmitted, 2 packets received, 0% packet loss\n\
             round-trip min/avg/max/stddev = 9.000/9.500/10.000/0.500 ms\n",
        );
        let lost = "PING 203.0.113.1 (203.0.113.1): 56 data bytes\n\n\
                    --- 203.0.113.1 ping statistics ---\n\
                    3 packets transmitted, 0 packets received, 100% packet loss\n";
        check_interrupted(&DIALECT, "ping 203.0.113.1", &lossy(100, 1.0), 3, lost);
    }
}
