use super::dashes::{self, Dash, Takes, Wrong};
use super::{Dialect, Grammar, Line, Pager, PingCommand, PingRun, Refusal, Tally};

pub(super) static DIALECT: Dialect = Dialect {
    name: "h3c_comware",
    aliases: &["hp_comware"],
    server_id: "SSH-2.0-Comware-7.1.070",
    login_text: "\n\
        ******************************************************************************\n\
        * A simulated device. Nothing that is done here is kept.                     *\n\
        ******************************************************************************\n\n",
    prompt: "<{host}>",
    user_prompt: None,
    newline: "\r\n",
    unix: false,
    hangs_up: true,
    pager: Some(Pager { text: "---- More ----", erase: "\x1b[16D                \x1b[16D" }),
    paging_off: &["screen-length disable"],
    logging_off: &["undo terminal monitor", "undo terminal logging"],
    quit: &["quit"],
    accepted: &["undo", "terminal"],
    version_command: "display version",
    config_command: "display current-configuration",
    session_limit: "The number of online users has reached the limit.\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Comware,
};

#[derive(Debug)]
struct Comware;

const OPTIONS: [Dash; 11] = [
    Dash { name: "-c", takes: Takes::Count(1..=u32::MAX) },
    Dash { name: "-t", takes: Takes::Timeout(0..=65_535) },
    Dash { name: "-m", takes: Takes::Interval(1..=65_535) },
    Dash { name: "-s", takes: Takes::Size(20..=8_100) },
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
        Wrong::Parameter(word) => (word, "Wrong parameter"),
        Wrong::TooMany(word) => (word, "Too many parameters"),
        Wrong::Incomplete => (usize::MAX, "Incomplete command"),
    };
    Refusal::new(format!("{} % {text} found at '^' position.\n", line.caret(word, 0)))
}

fn statistics(tally: &Tally) -> String {
    format!(
        "{} packet(s) transmitted, {} packet(s) received, {:.1}% packet loss",
        tally.sent,
        tally.received,
        tally.loss_pct()
    )
}

/// The round-trip times, behind this separator; nothing when nothing came back.
fn times(separator: &str, tally: &Tally) -> String {
    if tally.received == 0 {
        return String::new();
    }
    format!(
        "{separator}round-trip min/avg/max/std-dev = {:.3}/{:.3}/{:.3}/{:.3} ms",
        tally.min_ms(),
        tally.avg_ms(),
        tally.max_ms(),
        tally.deviation_ms()
    )
}

fn subject(run: &PingRun) -> String {
    let instance = run.command.vrf.as_ref();
    let instance = instance.map_or(String::new(), |vrf| format!(" in VPN instance {vrf}"));
    format!("Ping statistics for {}{instance}", run.command.target)
}

impl Grammar for Comware {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        Refusal::new(format!(
            "{} % Unrecognized command found at '^' position.\n",
            line.caret(0, 0)
        ))
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let defaults = PingCommand::with_defaults(5, 56, 2000, 200);
        let command = dashes::read(&OPTIONS, line, defaults)?;
        Some(command.map_err(|wrong| refuse(line, wrong)))
    }

    fn unresolved(&self, target: &str) -> Refusal {
        Refusal::new(format!("Ping: Unknown host {target}.\n"))
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::new(format!("% The VPN instance {vrf} does not exist.\n"))
    }

    fn header(&self, run: &PingRun) -> String {
        let source = run.command.source.as_ref();
        let source = source.map_or(String::new(), |source| format!(" from {source}"));
        let (target, address, size) = (&run.command.target, &run.address, run.command.size);
        format!("Ping {target} ({address}){source}: {size} data bytes, press CTRL_C to break\n")
    }

    fn reply(&self, run: &PingRun, index: u32, rtt_ms: f64) -> String {
        let (bytes, address) = (run.command.size, &run.address);
        format!("{bytes} bytes from {address}: icmp_seq={index} ttl=255 time={rtt_ms:.3} ms\n")
    }

    fn lost(&self, _run: &PingRun, _index: u32) -> String {
        "Request time out\n".to_owned()
    }

    fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        let times = times("\n", tally);
        format!("\n--- {} ---\n{}{times}\n", subject(run), statistics(tally))
    }

    fn log_line(&self, host: &str, run: &PingRun, tally: &Tally) -> String {
        format!(
            "%{} {host} PING/6/PING_STATISTICS: {}: {}{}.",
            crate::clock::log_time(),
            subject(run),
            statistics(tally),
            times(", ", tally)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lossy};
    use super::DIALECT;

    #[test]
    fn two_replies_in_a_vpn_instance() {
        check(
            &DIALECT,
            "ping -c 2 -vpn-instance MGMT -a 192.0.2.1 198.51.100.1",
            &lossy(0, 2.0),
            "Ping 198.51.100.1 (198.51.100.1) from 192.0.2.1: 56 data bytes, press CTRL_C to break\n\
             56 bytes from 198.51.100.1: icmp_seq=0 ttl=255 time=2.000 ms\n\
             56 bytes from 198.51.100.1: icmp_seq=1 ttl=255 time=1.800 ms\n\
             \n\
             --- Ping statistics for 198.51.100.1 in VPN instance MGMT ---\n\
             2 packet(s) transmitted, 2 packet(s) received, 0.0% packet loss\n\
             round-trip min/avg/max/std-dev = 1.800/1.900/2.000/0.100 ms\n",
        );
    }

    #[test]
    fn nothing_comes_back() {
        check(
            &DIALECT,
            "ping -c 1 203.0.113.1",
            &lossy(100, 2.0),
            "Ping 203.0.113.1 (203.0.113.1): 56 data bytes, press CTRL_C to break\n\
             Request time out\n\
             \n\
             --- Ping statistics for 203.0.113.1 ---\n\
             1 packet(s) transmitted, 0 packet(s) received, 100.0% packet loss\n",
        );
    }

    #[test]
    fn errors_are_the_devices() {
        for (command, column, text) in [
            ("ping 192.0.2.1 -c 5", 15, "Too many parameters"),
            ("ping -x 192.0.2.1", 5, "Wrong parameter"),
            ("ping", 4, "Incomplete command"),
            ("show version", 0, "Unrecognized command"),
        ] {
            let caret = " ".repeat("<r1>".len() + column);
            let expect = format!("{caret}^\n % {text} found at '^' position.\n");
            check(&DIALECT, command, &lossy(0, 1.0), &expect);
        }
    }
}
