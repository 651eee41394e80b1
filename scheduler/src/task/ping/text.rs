use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// How much of an output an error quotes.
const TAIL_CHARS_MAX: usize = 200;

/// Terminal control that changes nothing about the text: colours, "erase to the end", modes,
/// character sets, and window titles. Anything else, such as moving the cursor, stays, and the
/// line that has it is not read.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\x1b\[[0-9;]*m|\x1b\[0?[JK]|\x1b\[\?[0-9;]*[hl]|\x1b[=>]|\x1b\([AB0]",
        r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00\x07]",
    ))
    .expect("a test uses it")
});

/// Lines that devices print on their own account, whatever else they are printing: with a
/// facility (`%LINK-3-UPDOWN:`) or a time at their very beginning. A number in front of that, as
/// in a line that the log has broken into, makes it no log line.
static LOG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:%[A-Z][A-Z0-9_]*-|[%#]?[A-Z][a-z]{2} \d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d",
        r"|[*.][A-Z][a-z]{2} \d{1,2} |\d{4} [A-Z][a-z]{2} \d{1,2} \d\d:|\d{4}-\d\d-\d\d[T ]",
        r"|(?:RP|LC)/\d|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d{1,2} \d\d:",
        r"|(?:Message from )?syslogd@)",
    ))
    .expect("a test uses it")
});

/// What is typed for a ping, alone or behind a prompt.
static ECHO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\S.{0,64}?[>#$\]] ?)?/?(?:(?:execute|do|run) )?ping6? \S")
        .expect("a test uses it")
});

/// A ping's first line, also of a kind that no definition knows.
static BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[A-Z]{2,4} )?P(?:ING|ing)6?\b.*\bbytes\b").expect("a test uses it")
});

/// One line of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::task) struct Line {
    /// Without surrounding blanks and harmless terminal control, each run of blanks inside made
    /// one.
    pub(in crate::task) text: String,
    /// Whether a line end follows. Otherwise it may have been cut off.
    pub(in crate::task) is_ended: bool,
}

/// What a terminal echoes of the key that interrupts a command.
const INTERRUPTED: &str = "^C";

/// The lines of an output that are not empty, without the echo of an interruption at either end. A
/// carriage return begins a new line, because what follows it stands at the line's beginning.
pub(in crate::task) fn lines(text: &str) -> impl Iterator<Item = Line> {
    text.split_inclusive(['\n', '\r']).filter_map(|raw| {
        let plain: Cow<'_, str> = HARMLESS.replace_all(raw, "");
        let plain = plain.trim().trim_start_matches(INTERRUPTED).trim_end_matches(INTERRUPTED);
        let text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then(|| Line { text, is_ended: raw.ends_with(['\n', '\r']) })
    })
}

/// Whether a line is one that the device logs.
pub(in crate::task) fn is_log(line: &str) -> bool {
    LOG.is_match(line)
}

/// Whether a line is the echo of a command that pings.
pub(in crate::task) fn is_echo(line: &str) -> bool {
    ECHO.is_match(line)
}

/// Whether a line begins a ping, as far as that can be told on any platform.
pub(in crate::task) fn is_begin(line: &str) -> bool {
    BEGIN.is_match(line)
}

/// The last of a text, for an error.
pub(in crate::task) fn tail(text: &str) -> String {
    let text = text.trim_end();
    let skip = text.chars().count().saturating_sub(TAIL_CHARS_MAX);
    text.chars().skip(skip).collect()
}

/// The first of a line, for an error.
pub(in crate::task) fn head(line: &str) -> String {
    line.chars().take(TAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        lines(text).map(|line| line.text).collect()
    }

    #[test]
    fn line_ends_blanks_and_colours_do_not_matter() {
        let text = "\x1b[?2004l\r  5 packet(s)\t transmitted  \r\r\n\n\x1b[1mok\x1b[0m\x1b[K\0\0";
        assert_eq!(texts(text), ["5 packet(s) transmitted", "ok"]);
    }

    #[test]
    fn the_echo_of_an_interruption_does_not_matter() {
        assert_eq!(
            texts("!!!^C\n^C--- x ping statistics ---\n^C\n1^C5\n"),
            ["!!!", "--- x ping statistics ---", "1^C5"]
        );
    }

    #[test]
    fn a_moved_cursor_is_not_guessed_at() {
        assert_eq!(texts("1\x1b[D5 received"), ["1\x1b[D5 received"]);
    }

    #[test]
    fn a_line_without_its_end_is_told_apart() {
        let ended: Vec<_> = lines("one\ntwo").map(|line| line.is_ended).collect();
        assert_eq!(ended, [true, false]);
    }

    #[test]
    fn a_log_line_begins_with_its_facility_or_its_time() {
        for line in [
            "%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down",
            "*Mar 1 00:01:02.345: %SYS-5-CONFIG_I: Configured from console",
            "%Feb 1 10:11:12:345 2026 edge-1 IFNET/3/PHY_UPDOWN: GigabitEthernet1/0/1 is UP.",
            "Feb 1 2026 10:11:12 edge-1 %%01IFNET/4/LINK_STATE(l)[1]: Down",
            "2026 Feb 1 10:11:12 edge-1 %ETHPORT-5-IF_DOWN: Interface Ethernet1/1 is down",
            "RP/0/RSP0/CPU0:Feb 1 10:11:12.345 UTC: ifmgr[226]: %PKT_INFRA-LINK-3-UPDOWN : Down",
            "2026-02-01T10:11:12.345+00:00 edge-1 kernel: link down",
            "#Feb 1 10:11:12:345 2026 edge-1 IFNET/4/INTERFACE UPDOWN: Trap 1.3.6.1: Down",
        ] {
            assert!(is_log(line), "{line}");
            assert!(!is_log(&format!("12{line}")), "12{line}");
        }
        assert!(!is_log("5 packets transmitted, 5 received, 0% packet loss"));
        assert!(!is_log("% Invalid input detected at '^' marker."));
    }

    #[test]
    fn an_echo_is_told_with_and_without_its_prompt() {
        for line in [
            "ping 192.0.2.1 repeat 5",
            "R1#ping vrf A 192.0.2.1",
            "<edge-1>ping -c 5 192.0.2.1",
            "[admin@edge 1] > /ping address=192.0.2.1",
            "A:admin@edge-1# ping 192.0.2.1",
            "edge-1 # execute ping 192.0.2.1",
        ] {
            assert!(is_echo(line), "{line}");
        }
        for line in [
            "ping: sendto: No route to host",
            "--- 192.0.2.1 ping statistics ---",
            "192.0.2.1 ping timeout",
            "PING 192.0.2.1 (192.0.2.1): 56 data bytes",
            "R1#",
        ] {
            assert!(!is_echo(line), "{line}");
        }
    }

    #[test]
    fn the_beginning_of_any_ping_is_told() {
        for line in [
            "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.",
            "PING(56=40+8+8 bytes) 2001:db8::9 --> 2001:db8::1",
            "Ping6(56 data bytes) 2001:db8::9 --> 2001:db8::1, press CTRL_C to break",
            "PW PING : FEC 128 PSEUDOWIRE (NEW). Type = vlan, ID = 100 : 100 data bytes, press",
        ] {
            assert!(is_begin(line), "{line}");
        }
        for line in [
            "Ping statistics for 192.0.2.1: 5 packet(s) transmitted, 5 packet(s) received",
            "ping: sendto 192.0.2.1 64 chars, No route to host",
            "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.1 ms",
            "--- 192.0.2.1 ping statistics ---",
        ] {
            assert!(!is_begin(line), "{line}");
        }
    }

    #[test]
    fn a_tail_is_bounded_in_characters() {
        assert_eq!(tail(&"ä".repeat(900)).chars().count(), TAIL_CHARS_MAX);
        assert_eq!(tail("short\n"), "short");
    }
}
