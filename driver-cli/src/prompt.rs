//! Where, if anywhere, the prompt is: pure functions over what the screen shows.
//!
//! Only the end of the screen is looked at, so the cost does not grow with the output.

use memchr::memchr_iter;

use crate::{PlatformDefinition, Screen};

/// The longest line that is taken for a prompt. Host names have at most 64 characters on most
/// platforms; a shell's prompt may have a path in it.
pub(crate) const PROMPT_CHARS_MAX: usize = 256;

/// The prompt of this device, as seen at login or since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// The whole line, without blanks at its end.
    pub(crate) text: String,
    /// The level it stands for.
    pub(crate) level: String,
    /// Whether it was seen to differ from one time to the next (a clock, a counter), so that only
    /// its pattern can be relied on.
    pub(crate) varies: bool,
}

impl Prompt {
    /// The last line, if it is a prompt of the platform.
    pub(crate) fn find(screen: &Screen, platform: &PlatformDefinition) -> Option<Self> {
        let level = platform.level_at(screen)?.to_owned();
        Some(Self { text: screen.line().trim_end().to_owned(), level, varies: false })
    }

    /// Whether the last line is exactly this prompt.
    pub(crate) fn is_at_end(&self, screen: &Screen) -> bool {
        screen.line_is(&self.text)
    }

    /// The number of bytes in front of this prompt on the last line, if the line ends with it and
    /// has something in front: output whose last line had no line end.
    pub(crate) fn behind_output(&self, screen: &Screen) -> Option<usize> {
        if screen.line_length() > PROMPT_CHARS_MAX + self.text.len() {
            return None;
        }
        let line = screen.line();
        let before = line.trim_end().strip_suffix(&self.text)?;
        (!before.is_empty()).then_some(before.len())
    }
}

/// Searches finished lines for one that begins with the prompt: after it the device has printed
/// something else, such as a log line. Each line is looked at once.
#[derive(Debug, Default)]
pub(crate) struct BuriedPrompt {
    searched: usize,
    found: Option<usize>,
}

impl BuriedPrompt {
    /// Where the last such line begins, in bytes of the screen's text; its length for the last
    /// line of the screen.
    pub(crate) fn find(&mut self, screen: &Screen, prompt: &Prompt) -> Option<usize> {
        let found = self.find_in_text(screen, prompt);
        if screen.line_length() <= PROMPT_CHARS_MAX * 4 && screen.line().starts_with(&prompt.text) {
            return Some(screen.text().len());
        }
        found
    }

    /// As [`find`](Self::find), in the finished lines alone.
    pub(crate) fn find_in_text(&mut self, screen: &Screen, prompt: &Prompt) -> Option<usize> {
        let text = screen.text().as_bytes();
        // Every line of an output of megabytes is looked at here.
        let ends = memchr_iter(b'\n', &text[self.searched..]).map(|end| self.searched + end + 1);
        let mut start = self.searched;
        for end in ends {
            if text[start..].starts_with(prompt.text.as_bytes()) {
                self.found = Some(start);
            }
            start = end;
        }
        self.searched = start;
        self.found
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use pool_core::Platform;

    use super::*;
    use crate::Platforms;

    fn screen(bytes: &str) -> Screen {
        let mut screen = Screen::new();
        screen.feed(bytes.as_bytes());
        screen
    }

    fn prompt(text: &str) -> Prompt {
        Prompt { text: text.into(), level: "exec".into(), varies: false }
    }

    static PLATFORMS: LazyLock<Platforms> = LazyLock::new(Platforms::builtin);

    #[track_caller]
    fn check(platform: &str, line: &str, level: Option<&str>) {
        let definition = PLATFORMS.get(&Platform::new(platform)).unwrap();
        let found = Prompt::find(&screen(&format!("x\r\n{line}")), &definition);
        assert_eq!(found.map(|prompt| prompt.level).as_deref(), level, "{platform} {line:?}");
    }

    #[test]
    fn prompts_of_every_platform_are_told_by_their_level() {
        check("cisco_ios", "R1>", Some("exec"));
        check("cisco_iosxe", "edge(lab)-1#\x07", Some("privileged_exec"));
        check("cisco_iosxe", "R1-stby# ", Some("privileged_exec"));
        check("cisco_iosxe", "R1(config-if)#", Some("configuration"));
        check("cisco_iosxe", "R1(tcl)#", Some("tclsh"));
        check("cisco_iosxr", "RP/0/RP0/CPU0:core-1#", Some("privileged_exec"));
        check("cisco_iosxr", "RP/0/RSP0/CPU0:core-1(config)#", Some("configuration"));
        check("cisco_nxos", "leaf-1(maint-mode)#", Some("privileged_exec"));
        check("cisco_nxos", "leaf-1(config-if)# ", Some("configuration"));
        check("huawei_vrp", "<NE40>", Some("user_view"));
        check("huawei_vrp", "HRP_M<fw-1>", Some("user_view"));
        check("huawei_vrp", "hrp_a<fw-1>", Some("user_view"));
        check("huawei_vrp", "[~NE40]", Some("system_view"));
        check("huawei_vrp", "[*NE40-GigabitEthernet0/0/1]", Some("system_view"));
        check("h3c_comware", "RBM_P<5#-3F-B-BGW-01>", Some("user_view"));
        check("hp_comware", "<H3C>", Some("user_view"));
        check("h3c_comware", "RBM_S[H3C]", Some("system_view"));
        check("linux", "[monitor@probe ~]$ ", Some("user"));
        check("linux", "root@probe:/tmp# ", Some("root"));
        check("frr_vtysh", "vm# ", Some("enable"));
        check("frr_vtysh", "vm(config-if)# ", Some("configuration"));
        check("arista_eos", "leaf-1(s1)>", Some("exec"));
        check("juniper_junos", "monitor@mx-1>", Some("exec"));
        check("juniper_junos", "root@mx-1:~ #", Some("shell"));
        check("cisco_iosxe", "маршрутизатор#", Some("privileged_exec"));
        check("cisco_asa", "fw-1>", Some("exec"));
        check("cisco_asa", "fw-1/admin/act/pri# ", Some("privileged_exec"));
        check("cisco_asa", "fw-1(config-if)#", Some("configuration"));
        check("fortinet_fortios", "FGT60F-1 # ", Some("global"));
        check("fortinet_fortios", "FGT60F-1 $ ", Some("global"));
        check("fortinet_fortios", "FGT60F-1 (root) # ", Some("vdom"));
        check("mikrotik_routeros", "[admin@MikroTik] > ", Some("console"));
        check("mikrotik_routeros", "[admin@edge 1] /ip address> ", Some("console"));
        check("mikrotik_routeros", "[admin@MikroTik] <SAFE> ", Some("safe"));
        check("nokia_sros", "A:edge-1# ", Some("operational"));
        check("nokia_sros", "*A:edge-1# ", Some("operational"));
        check("nokia_sros", "A:admin@edge-1# ", Some("operational"));
        check("nokia_sros", "*A:edge-1>config>router# ", Some("configuration"));
        check("ruckus_icx", "SSH@ICX7150-24 Router>", Some("exec"));
        check("ruckus_icx", "SSH@ICX7150-24 Router#", Some("privileged_exec"));
        check("ruckus_icx", "SSH@ICX(config-if-e1000-1/1/1)#", Some("configuration"));
    }

    #[test]
    fn lines_that_are_no_prompt_are_not_taken_for_one() {
        check("cisco_iosxe", "Router uptime is 4 weeks#", None);
        check("cisco_iosxe", "", None);
        check("cisco_iosxe", &format!("{}#", "x".repeat(300)), None);
        check("huawei_vrp", "[V200R009C00SPC500]", None);
        check("huawei_vrp", "[Y/N]", None);
        check("huawei_vrp", "<NE40>%Nov 22", None);
    }

    #[test]
    fn only_the_whole_last_line_is_the_learnt_prompt() {
        assert!(prompt("R1#").is_at_end(&screen("output\r\nR1# ")));
        assert!(!prompt("R1#").is_at_end(&screen("R1#\r\n")));
        assert!(!prompt("R1#").is_at_end(&screen("R1#show")));
        assert!(!prompt("R1#").is_at_end(&screen("xR1#")));
    }

    #[test]
    fn a_prompt_behind_an_unfinished_line_is_seen() {
        assert_eq!(prompt("$").behind_output(&screen("no line end$ ")), Some(11));
        assert_eq!(prompt("$").behind_output(&screen("$ ")), None);
    }

    #[test]
    fn a_prompt_with_something_printed_after_it_is_found_once_for_each_line() {
        let mut buried = BuriedPrompt::default();
        let mut screen = screen("a\r\n<H3C>%Nov 22 log\r\nb\r\n");
        assert_eq!(buried.find(&screen, &prompt("<H3C>")), Some(2));
        screen.feed(b"<H3C>%more");
        assert_eq!(buried.find(&screen, &prompt("<H3C>")), Some(screen.text().len()));
        assert_eq!(buried.searched, screen.text().len());
        assert_eq!(BuriedPrompt::default().find(&screen, &prompt("<X>")), None);
    }
}
