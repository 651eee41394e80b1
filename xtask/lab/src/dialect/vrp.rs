use super::dashes::{self, Dash, Takes, Wrong};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally};

pub(super) static DIALECT: Dialect = Dialect {
    name: "huawei_vrp",
    aliases: &["huawei"],
    server_id: "SSH-2.0-HUAWEI-1.5",
    login_text: "\n\
        Info: The max number of VTY users is 21, the number of current VTY users online is 1, \
        and total number of terminal users online is 1.\n      \
        The current login time is {time}.\n",
    prompt: "<{host}>",
    user_prompt: None,
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: "  ---- More ----", erase: "\x1b[16D                \x1b[16D" }),
    paging_off: &["screen-length 0 temporary"],
    logging_off: &["undo terminal monitor", "undo terminal logging", "undo terminal alarm"],
    quit: &["quit"],
    accepted: &["undo", "screen-width", "terminal"],
    version_command: "display version",
    config_command: "display current-configuration",
    session_limit: "Error: The number of VTY users has reached the limit.\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Vrp,
};

#[derive(Debug)]
struct Vrp;

const OPTIONS: [Dash; 11] = [
    Dash { name: "-c", takes: Takes::Count(1..=u32::MAX) },
    Dash { name: "-t", takes: Takes::Timeout(0..=65_535) },
    Dash { name: "-m", takes: Takes::Interval(1..=10_000) },
    Dash { name: "-s", takes: Takes::Size(20..=9_600) },
    Dash { name: "-a", takes: Takes::Source },
    Dash { name: "-vpn-instance", takes: Takes::Vrf },
    Dash { name: "-h", takes: Takes::Ignored },
    Dash { name: "-i", takes: Takes::Ignored },
    Dash { name: "-f", takes: Takes::Nothing },
    Dash { name: "-n", takes: Takes::Nothing },
    Dash { name: "-q", takes: Takes::Quiet },
];

fn refuse(line: &Line<'_>, wrong: Wrong) -> Refusal {
    let (word, text) = match wrong {
        Wrong::Parameter(word) => (word, "Error: Wrong parameter found at '^' position."),
        Wrong::TooMany(word) => (word, "Error:Too many parameters found at '^' position."),
        Wrong::Incomplete => (usize::MAX, "Error:Incomplete command found at '^' position."),
    };
    Refusal::new(format!("{}{text}\n", line.caret(word, 0)))
}

impl Grammar for Vrp {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        Refusal::new(format!(
            "{}Error: Unrecognized command found at '^' position.\n",
            line.caret(0, 0)
        ))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let defaults = PingCommand::with_defaults(5, 56, 2000, 500);
        let command = dashes::read(&OPTIONS, line, defaults)?;
        Some(command.map_err(|wrong| refuse(line, wrong)))
    }

    fn unresolved(&self, target: &str) -> Refusal {
        Refusal::new(format!("Error: Unknown host {target}.\n"))
    }

    fn unknown_vrf(&self, _vrf: &str) -> Refusal {
        Refusal::new("Error: The VPN instance does not exist.\n")
    }

    fn header(&self, run: &PingRun) -> String {
        let colon = if run.is_v6() { " :" } else { ":" };
        let (address, size) = (&run.address, run.command.size);
        format!("  PING {address}{colon} {size}  data bytes, press CTRL_C to break\n")
    }

    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String {
        let (bytes, sequence) = (run.command.size, index + 1);
        if run.is_v6() {
            return format!(
                "    Reply from {}\n    bytes={bytes} Sequence={sequence} hop limit=64 \
                 time={rtt_ms:.0} ms\n",
                run.address
            );
        }
        format!(
            "    Reply from {}: bytes={bytes} Sequence={sequence} ttl=255 time={rtt_ms:.0} ms\n",
            run.address
        )
    }

    fn lost(&self, _run: &PingRun, _index: u32) -> String {
        "    Request time out\n".to_owned()
    }

    fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        let (min, avg, max) = (tally.min_ms(), tally.avg_ms(), tally.max_ms());
        // IPv6 has this line even when nothing came back, with zeros.
        let rtt = if tally.received > 0 || run.is_v6() {
            format!("    round-trip min/avg/max = {min:.0}/{avg:.0}/{max:.0} ms\n")
        } else {
            String::new()
        };
        format!(
            "\n  --- {} ping statistics ---\n    {} packet(s) transmitted\n    \
             {} packet(s) received\n    {:.2}% packet loss\n{rtt}\n",
            run.address,
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
    fn one_of_three_is_lost() {
        check(
            &DIALECT,
            "ping -c 3 -t 1000 -s 64 -vpn-instance MGMT 198.51.100.1",
            &lossy(33, 10.0),
            "  PING 198.51.100.1: 64  data bytes, press CTRL_C to break\n    \
             Reply from 198.51.100.1: bytes=64 Sequence=1 ttl=255 time=10 ms\n    \
             Request time out\n    \
             Reply from 198.51.100.1: bytes=64 Sequence=3 ttl=255 time=11 ms\n\
             \n  \
             --- 198.51.100.1 ping statistics ---\n    \
             3 packet(s) transmitted\n    \
             2 packet(s) received\n    \
             33.33% packet loss\n    \
             round-trip min/avg/max = 10/10/11 ms\n\n",
        );
    }

    #[test]
    fn quiet_prints_no_replies_and_all_lost_prints_no_times() {
        check(
            &DIALECT,
            "ping -q -c 2 203.0.113.1",
            &lossy(100, 1.0),
            "  PING 203.0.113.1: 56  data bytes, press CTRL_C to break\n\
             \n  \
             --- 203.0.113.1 ping statistics ---\n    \
             2 packet(s) transmitted\n    \
             0 packet(s) received\n    \
             100.00% packet loss\n\n",
        );
    }

    #[test]
    fn errors_are_the_devices() {
        for (command, column, text) in [
            ("ping 192.0.2.1 -c 5", 15, "Error:Too many parameters found at '^' position."),
            ("ping -x 192.0.2.1", 5, "Error: Wrong parameter found at '^' position."),
            ("ping -c many 192.0.2.1", 8, "Error: Wrong parameter found at '^' position."),
            ("ping -c 5", 9, "Error:Incomplete command found at '^' position."),
            ("show version", 0, "Error: Unrecognized command found at '^' position."),
        ] {
            // The prompt of the test is `<r1>`.
            let expect = format!("{}^\n{text}\n", " ".repeat(4 + column));
            check(&DIALECT, command, &lossy(0, 1.0), &expect);
        }
        check(
            &DIALECT,
            "ping -vpn-instance NOPE 192.0.2.1",
            &lossy(0, 1.0),
            "Error: The VPN instance does not exist.\n",
        );
    }
}
