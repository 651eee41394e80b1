//! What a device may say while nothing was asked of it: pure functions.
//!
//! Between the prompt that ended a command and the echo of the next one, a device may print
//! messages and paint its prompt again. Anything else belongs to an earlier command, whose end was
//! taken for seen too early: then nothing that follows can be told apart.

use std::sync::LazyLock;

use regex::Regex;

use crate::PlatformDefinition;
use crate::echo::{compact, in_sight};
use crate::prompt::Prompt;

/// Messages in the forms that the makers of devices have agreed on, more or less: a time at the
/// beginning, or a name with a severity. Others are in a platform's `notices`.
static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        // `*Nov 22 08:00:00.123: `, `RP/0/RP0/CPU0:Nov 22 08:00:00.123 : `, `2026/11/22 08:00:00 `,
        // `08:00:00 echo: `, `Sun Nov 22 08:00:00.123 UTC`
        r"(?:\S.{0,47}[ T])??[*.%#:]?(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?:[ .,:+\-Z\])]|$)",
        // `%LINK-3-UPDOWN: `, `%ASA-5-111008: `, `%%01IFNET/4/LINK_STATE(l): `, `IFNET/3/PHY_UPDOWN: `
        r".{0,80}%[A-Z][A-Z0-9_]*-(?:[A-Z0-9_]+-)*[0-7]-[A-Z0-9_]+",
        r".{0,80}\b[A-Z][A-Z0-9_]*/[0-7]/[A-Za-z0-9_]+[(: \[]",
        // To all terminals, by somebody or by the system.
        r"\*{3}",
        r"(?i:broadcast message|message from|syslog:|-?traceback ?=|-?process ?=)",
    ];
    Regex::new(&format!("^(?:{})", patterns.join("|"))).expect("the patterns are valid")
});

/// The time from the prompt of one command to the echo of the next.
#[derive(Debug)]
pub(crate) struct Lull<'a> {
    pub(crate) platform: &'a PlatformDefinition,
    pub(crate) prompt: &'a Prompt,
    /// The command line whose echo is awaited, without blanks; empty before anything is typed.
    pub(crate) echo: &'a str,
    /// How many prompts may come that no message has called for.
    pub(crate) prompts: usize,
}

impl Lull<'_> {
    /// Whether nothing of `text` belongs to an earlier command. It begins on the line of the
    /// prompt; its last line may be unfinished.
    pub(crate) fn allows(&self, text: &str) -> bool {
        let mut prompts = self.prompts;
        // On its own line a prompt may be painted anew.
        let mut is_called_for = true;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let Some(said) = self.understand(line) else { return false };
            // One of another level is neither ours painted anew nor one that we have called for: it
            // is a line of output.
            let is_level = || self.platform.level_of(line) == Some(self.prompt.level.as_str());
            let is_ours = self.prompt.varies || self.behind_prompts(line) != line || is_level();
            if said.is_prompt && !is_ours {
                return false;
            }
            if said.is_prompt && !std::mem::take(&mut is_called_for) {
                let Some(left) = prompts.checked_sub(1) else { return false };
                prompts = left;
            }
            is_called_for |= said.is_message;
            is_called_for &= number > 0 || said.is_prompt || said.is_message;
        }
        true
    }

    /// How many bytes of `text` were printed before the prompt, if that came, and behind it nothing
    /// but messages and prompts painted again; all of them, if it did not.
    pub(crate) fn length_before(&self, text: &str) -> usize {
        let mut length = text.len();
        let mut start = text.len();
        for line in text.split_inclusive('\n').rev() {
            let is_ours = line.starts_with(self.prompt.text.as_str());
            match self.understand(line.trim()) {
                // Another prompt may be a line of output that looks like one.
                Some(said) if is_ours || !said.is_prompt => start -= line.len(),
                _ => break,
            }
            if is_ours {
                length = start;
            }
        }
        length
    }

    fn understand(&self, line: &str) -> Option<Said> {
        let above = self.platform.above_prompt.as_ref();
        if line.is_empty() || above.is_some_and(|above| above.is_match(line)) {
            return Some(Said { is_prompt: false, is_message: false });
        }
        let rest = self.behind_prompts(line);
        // Behind the prompt a second one, of another level, is output that came late.
        let is_other_level = || rest == line && self.platform.level_of(line).is_some();
        if rest.is_empty() || is_other_level() {
            return Some(Said { is_prompt: true, is_message: false });
        }
        let is_message =
            is_message(rest, self.platform) || self.is_cut_echo(rest) || rest == INTERRUPTED;
        is_message.then_some(Said { is_prompt: rest.len() < line.len(), is_message })
    }

    fn behind_prompts<'l>(&self, line: &'l str) -> &'l str {
        let mut rest = line;
        while let Some(behind) = rest.strip_prefix(self.prompt.text.as_str()) {
            rest = behind.trim_start();
        }
        rest
    }

    /// Whether `rest` is the beginning of the echo, where a message has interrupted it.
    fn is_cut_echo(&self, rest: &str) -> bool {
        let mut expected = self.echo.chars().peekable();
        let mut behind = rest;
        for (at, character) in rest.char_indices() {
            if !character.is_whitespace() && expected.next_if_eq(&character).is_none() {
                break;
            }
            behind = &rest[at + character.len_utf8()..];
        }
        behind.len() < rest.len() && (behind.is_empty() || is_message(behind, self.platform))
    }

    /// Whether `text` may be the echo of the command, painted in a way of the device's own: behind
    /// what is allowed, there is a line that begins like it.
    pub(crate) fn may_be_echo(&self, text: &str) -> bool {
        let is_aside = |line: &&str| {
            let line = line.trim();
            let rest = self.behind_prompts(line);
            rest.is_empty() || is_message(rest, self.platform)
        };
        let Some(line) = text.lines().find(|line| !is_aside(line)) else { return false };
        let line = compact(self.behind_prompts(line.trim()));
        // A line that scrolls sideways, of which little is in sight.
        if in_sight(&line, "").is_some_and(|tail| !tail.is_empty() && self.echo.ends_with(tail)) {
            return true;
        }
        let like =
            line.chars().zip(self.echo.chars()).take_while(|(a, b)| a.eq_ignore_ascii_case(b));
        let (like, all) = (like.count(), self.echo.chars().count());
        like > 0 && (like == line.chars().count() || like >= LIKE_CHARS_MIN.max(all / 2))
            || self.has_most_of_echo(&line)
    }
}

impl Lull<'_> {
    /// Whether three quarters of the command stand in `line` in one piece. Less may be no more than
    /// an address that an earlier command had in common with it.
    fn has_most_of_echo(&self, line: &str) -> bool {
        let echo: Vec<char> = self.echo.chars().collect();
        let most = (echo.len() * 3).div_ceil(4).max(LIKE_CHARS_MIN * 2);
        echo.windows(most).any(|part| line.contains(&part.iter().collect::<String>()))
    }
}

/// How much of a line must be like the command's before it is taken for an echo.
const LIKE_CHARS_MIN: usize = 4;
/// What a terminal shows for Ctrl-C.
const INTERRUPTED: &str = "^C";

/// What one line is, if it is any of the two.
#[derive(Clone, Copy, Debug)]
struct Said {
    is_prompt: bool,
    /// Something behind which the prompt is painted anew.
    is_message: bool,
}

/// Whether `line` is a message that nobody asked for.
pub(crate) fn is_message(line: &str, platform: &PlatformDefinition) -> bool {
    MESSAGE.is_match(line) || platform.notices.as_ref().is_some_and(|known| known.is_match(line))
}

#[cfg(test)]
mod tests {
    use pool_core::Platform;

    use super::*;
    use crate::Platforms;

    #[track_caller]
    fn check(text: &str, prompts: usize, allowed: bool) {
        let platform = Platforms::builtin().get(&Platform::new("cisco_iosxe")).unwrap();
        let prompt = Prompt { text: "R1#".into(), level: "privileged_exec".into(), varies: false };
        let lull = Lull { platform: &platform, prompt: &prompt, echo: "ping192.0.2.1", prompts };
        assert_eq!(lull.allows(text), allowed, "{text:?}");
    }

    const LOG: &str = "*Nov 22 08:00:00.123: %SYS-5-CONFIG_I: Configured from console by vty0";

    #[test]
    fn messages_and_the_prompt_behind_them_are_nobodys_output() {
        check("", 0, true);
        check("\n", 0, true);
        check("R1#", 0, true);
        check(LOG, 0, true);
        check(&format!("\n{LOG}\n"), 0, true);
        check(&format!("\n{LOG}\nR1#\n{LOG}\n{LOG}\n\nedge-9#"), 0, true);
        check(&format!("R1#{LOG}\nR1#"), 0, true);
        check(&format!("ping 19\n{LOG}\nR1#ping 192.0"), 0, true);
        check(&format!("ping 19{LOG}\nR1#"), 0, true);
        check("ping 19\nR1#", 0, true);
    }

    #[test]
    fn a_prompt_that_nothing_has_called_for_is_the_end_of_something() {
        check("\nR1#", 0, false);
        check("\nR1#", 1, true);
        check("\nR1#\nR1#", 1, false);
        check(&format!("\n{LOG}\nR1#\nR1#"), 0, false);
        check("\nedge-9#", 0, false);
        check("^C\nR1#", 0, true);
        check("R1#", 0, true);
        check("R1>", 0, false);
        check("\nR1>", 2, false);
        check(&format!("\n{LOG}\n{LOG}\nR1>\nR1#"), 2, false);
        check("R1#R1>", 0, false);
        check(&format!("\n{LOG}\nR1#"), 0, true);
        check(&format!("\n{LOG}\nR1>"), 0, false);
    }

    #[test]
    fn output_of_an_earlier_command_is_told_from_messages() {
        for output in [
            "Success rate is 0 percent (0/5)",
            "!!!!!",
            "64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=1.93 ms",
            "64 bytes from 2001:db8::1:20:30:40: icmp_seq=1 hlim=64 time=1.930 ms",
            "    Reply from 198.51.100.1: bytes=56 Sequence=1 ttl=255 time=10 ms",
            "--- 198.51.100.1 ping statistics ---",
            "5 packets transmitted, 5 packets received, 0.00% packet loss",
            "  3 198.51.100.1 56 64 19ms38us",
            "ping: sendto: No route to host",
            "ing 192.0.2.1",
            "8:00",
        ] {
            check(output, 5, false);
            check(&format!("\n{LOG}\n{output}\nR1#"), 5, false);
            check(&format!("R1#{output}"), 5, false);
        }
    }

    #[test]
    fn messages_of_every_maker_are_known() {
        let iosxe = Platforms::builtin().get(&Platform::new("cisco_iosxe")).unwrap();
        for message in [
            "000123: Nov 22 08:00:00: %LINEPROTO-5-UPDOWN: Line protocol on Interface Gi1",
            "%LINK-3-UPDOWN: Interface GigabitEthernet1, changed state to down",
            "RP/0/RP0/CPU0:Nov 22 08:00:00.123 UTC: ifmgr[123]: %PKT_INFRA-LINK-3-UPDOWN : up",
            "2026 Nov 22 08:00:00 leaf-1 %ETHPORT-5-IF_UP: Interface Ethernet1/1 is up",
            "%ASA-5-111008: User 'monitor' executed the 'enable' command.",
            "%Nov 22 08:00:00:000 2026 H3C PING/6/PING_STATISTICS: Ping statistics for 192.0.2.1",
            "Nov 22 2026 08:00:00+00:00 NE40 %%01IFNET/4/LINK_STATE(l)[1]:The line is UP.",
            "#Nov 22 2026 08:00:00 NE40 IFNET/2/linkdown:OID 1.3.6 interface turned into DOWN",
            "Nov 22 08:00:00 mx-1 rpd[123]: bgp_peer_down",
            "Message from syslogd@mx-1 at Nov 22 08:00:00  ...",
            "Nov 22 08:00:00 leaf-1 Ebra: %LINEPROTO-5-UPDOWN: Line protocol on Ethernet1",
            "2026/11/22 08:00:00 ZEBRA: [V98V0-MTWPF] client 17 says hello",
            "08:00:00 echo: system,info,account user monitor logged in",
            "SYSLOG: <14>Nov 22 08:00:00 ICX7150 System: Interface ethernet 1/1/1, state up",
            "1 2026/11/22 08:00:00.00 UTC WARNING: SYSTEM #2006 Base CHASSIS",
            "*** Message from tty2 to all terminals:",
            "Broadcast message from root@probe (pts/0):",
        ] {
            assert!(is_message(message, &iosxe), "{message}");
        }
    }

    #[test]
    fn an_echo_of_an_unknown_kind_begins_like_the_command() {
        let platform = Platforms::builtin().get(&Platform::new("cisco_iosxe")).unwrap();
        let prompt = Prompt { text: "R1#".into(), level: "privileged_exec".into(), varies: false };
        let lull = Lull { platform: &platform, prompt: &prompt, echo: "ping192.0.2.1", prompts: 0 };
        for echo in ["ping", "p", "PING 192.0", "R1#ping 192.0.2.x", &format!("{LOG}\nR1#ping 19")]
        {
            assert!(lull.may_be_echo(echo), "{echo:?}");
        }
        for other in ["", "R1#", LOG, "ping: sendto", "Success", "192.0.2.1", "!!!\nping 192.0.2.1"]
        {
            assert!(!lull.may_be_echo(other), "{other:?}");
        }
    }
}
