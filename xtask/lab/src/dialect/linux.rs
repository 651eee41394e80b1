use std::time::Duration;

use super::{Dialect, Grammar, Line, PingCommand, PingRun, Refusal, Tally, iputils};

pub(super) static DIALECT: Dialect = Dialect {
    name: "linux",
    aliases: &[],
    server_id: "SSH-2.0-OpenSSH_9.2p1",
    login_text: "Linux {host} 6.1.0-lab #1 SMP x86_64\n\
                 Last login: {time} from 192.0.2.250\n",
    prompt: "{user}@{host}:~$ ",
    user_prompt: None,
    newline: "\r\n",
    unix: true,
    hangs_up: false,
    pager: None,
    paging_off: &[],
    logging_off: &[],
    quit: &["exit", "logout"],
    accepted: &["export", "stty", "set", "unset", "bind", "true", "alias", "unalias"],
    version_command: "uname -a",
    config_command: "dmesg",
    session_limit: "There were too many logins for this user.\n",
    timestamps_off: None,
    pastes_bracketed: true,
    grammar: &Linux,
};

#[derive(Debug)]
struct Linux;

/// Options of `ping` that stand alone.
const FLAGS: &str = "46AbDfhLnOqrUv";

/// Options of `ping` that are followed by a value, of which this one takes no notice.
const IGNORED: &str = "FlmMpQStTw";

fn usage(text: String) -> Refusal {
    Refusal::with_status(text, 2)
}

fn bad_value(value: &str) -> Refusal {
    Refusal::with_status(format!("ping: invalid argument: '{value}'\n"), 1)
}

/// The words behind assignments such as `LC_ALL=C`.
fn without_assignments<'a, 'b>(words: &'b [&'a str]) -> &'b [&'a str] {
    let command = words.iter().position(|word| !word.contains('='));
    &words[command.unwrap_or(words.len())..]
}

fn read(words: &[&str], vrf: Option<&str>) -> Result<PingCommand, Refusal> {
    let mut command = PingCommand::with_defaults(0, 56, 10_000, 1000);
    command.count = None;
    command.vrf = vrf.map(str::to_owned);
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some(options) => read_options(options, &mut words, &mut command)?,
            None => command.target = word.to_owned(),
        }
    }
    if command.target.is_empty() {
        let text = "ping: usage error: Destination address required\n";
        return Err(Refusal::with_status(text, 1));
    }
    Ok(command)
}

/// Reads the letters of one word; the value of a letter is the rest of it, or the next word.
fn read_options<'a>(
    options: &'a str,
    words: &mut impl Iterator<Item = &'a str>,
    command: &mut PingCommand,
) -> Result<(), Refusal> {
    for (at, letter) in options.char_indices() {
        command.quiet |= letter == 'q';
        if FLAGS.contains(letter) {
            continue;
        }
        if !"cWsIi".contains(letter) && !IGNORED.contains(letter) {
            return Err(usage(format!(
                "ping: invalid option -- '{letter}'\n\nUsage\n  ping [options] <destination>\n"
            )));
        }
        let rest = &options[at + letter.len_utf8()..];
        let value = if rest.is_empty() { words.next() } else { Some(rest) };
        let value = value
            .ok_or_else(|| usage(format!("ping: option requires an argument -- '{letter}'\n")))?;
        return read_value(letter, value, command);
    }
    Ok(())
}

fn read_value(letter: char, value: &str, command: &mut PingCommand) -> Result<(), Refusal> {
    let number = || value.parse::<u32>().map_err(|_| bad_value(value));
    let seconds = || {
        let seconds =
            value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.ok_or_else(|| bad_value(value))
    };
    match letter {
        'c' => command.count = Some(number()?),
        's' => command.size = number()?,
        'W' => command.timeout = seconds()?,
        'i' => command.interval = seconds()?,
        'I' => command.source = Some(value.to_owned()),
        _ => {}
    }
    if command.count == Some(0) {
        return Err(bad_value(value));
    }
    Ok(())
}

impl Grammar for Linux {
    fn unknown(&self, line: &Line<'_>) -> Refusal {
        let word = line.words().first().copied().unwrap_or_default();
        Refusal::with_status(format!("bash: {word}: command not found\n"), 127)
    }

    fn ping(&self, line: &Line<'_>) -> Option<Result<PingCommand, Refusal>> {
        let words = line.words();
        match without_assignments(&words) {
            ["ping", rest @ ..] => Some(read(rest, None)),
            ["ip", "vrf", "exec", vrf, "ping", rest @ ..] => Some(read(rest, Some(vrf))),
            _ => None,
        }
    }

    fn unresolved(&self, target: &str) -> Refusal {
        iputils::unresolved(target)
    }

    fn unknown_vrf(&self, _vrf: &str) -> Refusal {
        Refusal::with_status("Invalid VRF\n", 255)
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
    fn one_of_three_is_lost() {
        check(
            &DIALECT,
            "LC_ALL=C ping -n -c 3 -W 1 -s 100 198.51.100.1",
            &lossy(33, 2.0),
            "PING 198.51.100.1 (198.51.100.1) 100(128) bytes of data.\n\
             108 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=2.00 ms\n\
             108 bytes from 198.51.100.1: icmp_seq=3 ttl=64 time=2.20 ms\n\
             \n\
             --- 198.51.100.1 ping statistics ---\n\
             3 packets transmitted, 2 received, 33.3333% packet loss, time 2000ms\n\
             rtt min/avg/max/mdev = 2.000/2.100/2.200/0.100 ms\n",
        );
    }

    #[test]
    fn quiet_and_six() {
        check(
            &DIALECT,
            "ip vrf exec MGMT ping -6qc2 2001:db8:dead::1",
            &lossy(100, 2.0),
            "PING 2001:db8:dead::1(2001:db8:dead::1) 56 data bytes\n\
             \n\
             --- 2001:db8:dead::1 ping statistics ---\n\
             2 packets transmitted, 0 received, 100% packet loss, time 1000ms\n\n",
        );
    }

    #[test]
    fn errors_are_the_devices() {
        for (command, expect) in [
            ("ping -c", "ping: option requires an argument -- 'c'\n"),
            ("ping -c x 192.0.2.1", "ping: invalid argument: 'x'\n"),
            ("ping -c 3", "ping: usage error: Destination address required\n"),
            ("ping -c 3 nosuch.invalid", "ping: nosuch.invalid: Name or service not known\n"),
            ("ip vrf exec NOPE ping -c 3 192.0.2.1", "Invalid VRF\n"),
            ("show version", "bash: show: command not found\n"),
        ] {
            check(&DIALECT, command, &lossy(0, 1.0), expect);
        }
    }
}
