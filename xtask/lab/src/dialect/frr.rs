use super::{Dialect, Grammar, Line, PingCommand, PingRun, Refusal, Tally, iputils};

pub(super) static DIALECT: Dialect = Dialect {
    name: "frr_vtysh",
    aliases: &["frr"],
    server_id: "SSH-2.0-OpenSSH_9.2p1",
    login_text: "\n\
        Hello, this is FRRouting (version 8.4.4).\n\
        Copyright 1996-2005 Kunihiro Ishiguro, et al.\n\n",
    prompt: "{host}# ",
    user_prompt: None,
    newline: "\r\n",
    unix: true,
    hangs_up: false,
    pager: None,
    paging_off: &["terminal length 0"],
    logging_off: &["no terminal monitor"],
    quit: &["exit", "quit"],
    accepted: &["terminal"],
    version_command: "show version",
    config_command: "show running-config",
    session_limit: "Exiting: failed to connect to any daemons.\n",
    timestamps_off: None,
    pastes_bracketed: false,
    grammar: &Frr,
};

#[derive(Debug)]
struct Frr;

impl Grammar for Frr {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        Refusal::with_status(format!("% Unknown command: {}\n", line.text), 1)
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        let target = match words[..] {
            ["ping"] | ["ping", "ip" | "ipv6"] => {
                let text = format!("% Command incomplete: {}\n", line.text);
                return Some(Err(Refusal::with_status(text, 1)));
            }
            ["ping", target] | ["ping", "ip" | "ipv6", target] => target,
            _ => return None,
        };
        // There is no count: it runs until it is interrupted.
        let mut command = PingCommand::with_defaults(0, 56, 10_000, 1000);
        command.count = None;
        command.target = target.to_owned();
        Some(Ok(command))
    }

    fn unresolved(&self, target: &str) -> Refusal {
        iputils::unresolved(target)
    }

    fn unknown_vrf(&self, vrf: &str) -> Refusal {
        Refusal::with_status(format!("% VRF {vrf} not found\n"), 1)
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
    use super::super::testing::{check, check_interrupted, lossy};
    use super::DIALECT;

    #[test]
    fn it_runs_until_it_is_interrupted() {
        check_interrupted(
            &DIALECT,
            "ping ip 198.51.100.1",
            &lossy(0, 0.5),
            2,
            "PING 198.51.100.1 (198.51.100.1) 56(84) bytes of data.\n\
             64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=0.500 ms\n\
             64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=0.450 ms\n\
             \n\
             --- 198.51.100.1 ping statistics ---\n\
             2 packets transmitted, 2 received, 0% packet loss, time 1000ms\n\
             rtt min/avg/max/mdev = 0.450/0.475/0.500/0.025 ms\n",
        );
    }

    #[test]
    fn errors_are_the_devices() {
        for (command, expect) in [
            ("ping 192.0.2.1 count 3", "% Unknown command: ping 192.0.2.1 count 3\n"),
            ("ping", "% Command incomplete: ping\n"),
            ("ping nosuch.invalid", "ping: nosuch.invalid: Name or service not known\n"),
        ] {
            check(&DIALECT, command, &lossy(0, 1.0), expect);
        }
    }
}
