//! From what the screen shows of a command to what it printed: pure functions.

use std::iter;

use memchr::memchr_iter;
use regex::Regex;

use crate::PlatformDefinition;
use crate::collect::Ended;
use crate::echo::{echo_length, typed_line_length};
use crate::platform::LineEnding;
use crate::prompt::Prompt;
use crate::unasked::Lull;

/// A refusal comes at once: within the first lines of an output, or not at all.
const REJECTION_BYTES_MAX: usize = 4096;

/// Takes off what is not output: the rest of the echo, what the platform prints above outputs and
/// prompts, and prompts that RETURN has brought.
pub(crate) fn clean(
    mut text: String,
    ended: &Ended,
    line: &str,
    prompt: &Prompt,
    platform: &PlatformDefinition,
) -> String {
    cut_nudges(&mut text, ended, prompt, platform.above_prompt.as_ref());
    if ended.has_prompts {
        let lull = Lull { platform, prompt, echo: "", prompts: 0 };
        let length = lull.length_before(&text);
        text.truncate(length);
    }
    cut_above_prompt(&mut text, platform.above_prompt.as_ref());
    if platform.line_ending == LineEnding::CrLf {
        // A device that takes it for two RETURNs says its prompt twice.
        cut_last_prompt(&mut text, prompt);
    }
    let mut start = echo_length(&text, line, &prompt.text);
    start += above_output_length(&text[start..], platform.above_output.as_ref());
    text.drain(..start);
    text
}

/// What stands above the echo of the command where that comes once more behind the prompt: the end
/// of an earlier command, during which the terminal had echoed what was typed.
pub(crate) fn before_second_echo<'a>(
    output: &'a str,
    ended: &Ended,
    line: &str,
    prompt: &Prompt,
) -> Option<&'a str> {
    if !ended.has_prompts {
        return None;
    }
    let mut above = 0;
    for next in output.split_inclusive('\n') {
        if next.starts_with(&prompt.text)
            && typed_line_length(next, &prompt.text, line) == Some(next.len())
        {
            return Some(&output[..above]).filter(|above| !above.trim().is_empty());
        }
        above += next.len();
    }
    None
}

/// The device's own words, if they are a refusal.
pub(crate) fn rejection<'a>(output: &'a str, platform: &PlatformDefinition) -> Option<&'a str> {
    let end =
        (0..=REJECTION_BYTES_MAX.min(output.len())).rev().find(|at| output.is_char_boundary(*at));
    let head = &output[..end.unwrap_or(0)];
    let rejections = platform.rejections.as_ref()?;
    let starts = iter::once(0).chain(memchr_iter(b'\n', head.as_bytes()).map(|end| end + 1));
    let mut lines = starts.map(|start| &head[start..]).filter(|line| !line.is_empty());
    let found = lines.find_map(|line| rejections.find(line))?;
    Some(found.as_str().trim())
}

fn cut_nudges(text: &mut String, ended: &Ended, prompt: &Prompt, above: Option<&Regex>) {
    let Some(nudge) = &ended.nudge else { return };
    let is_prompt = |line: &str| {
        line.is_empty() || line == prompt.text || above.is_some_and(|above| above.is_match(line))
    };
    // The line on which RETURN was pressed ends by it. If nothing else has come since, the prompt
    // had been there already, and what stands behind it is none of the command's.
    let mut since = text[nudge.above..].lines();
    let pressed = since.next().unwrap_or_default();
    if pressed == nudge.line && since.all(is_prompt) {
        text.truncate(nudge.output);
        if !(text.is_empty() || text.ends_with('\n')) {
            text.push('\n');
        }
        return;
    }
    while cut_last_prompt(text, prompt) {}
}

/// Takes the last line off, if it is the prompt.
fn cut_last_prompt(text: &mut String, prompt: &Prompt) -> bool {
    let last = text.lines().next_back().filter(|last| *last == prompt.text);
    let cut = last.map(|last| text.len() - last.len() - 1);
    cut.into_iter().for_each(|length| text.truncate(length));
    cut.is_some()
}

fn cut_above_prompt(text: &mut String, pattern: Option<&Regex>) {
    let Some(pattern) = pattern else { return };
    while let Some(last) = text.lines().next_back()
        && pattern.is_match(last)
    {
        text.truncate(text.len() - last.len() - 1);
    }
}

fn above_output_length(text: &str, pattern: Option<&Regex>) -> usize {
    let Some(pattern) = pattern else { return 0 };
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        length += line.len();
        if pattern.is_match(line.trim_end()) {
            return length;
        }
        if !line.trim().is_empty() {
            break;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pool_core::Platform;

    use super::*;
    use crate::Platforms;

    fn platform(name: &str) -> Arc<PlatformDefinition> {
        Platforms::builtin().get(&Platform::new(name)).unwrap()
    }

    #[track_caller]
    fn check(name: &str, text: &str, output: &str) {
        let prompt = Prompt { text: "R1#".into(), level: String::new(), varies: false };
        let cleaned = clean(text.into(), &Ended::default(), "show clock", &prompt, &platform(name));
        assert_eq!(cleaned, output);
    }

    #[test]
    fn what_a_platform_prints_around_outputs_is_taken_off() {
        check("cisco_iosxe", "\n12:00\n", "12:00\n");
        check("cisco_iosxr", "\n\nSun Nov 22 08:21:43.123 UTC\n12:00\n", "12:00\n");
        check(
            "cisco_iosxr",
            "\n12:00\nSun Nov 22 08:21:43.123 UTC\n",
            "12:00\nSun Nov 22 08:21:43.123 UTC\n",
        );
        check("juniper_junos", "\n12:00\n\n{master:0}\n", "12:00\n\n");
        check("cisco_iosxe", "", "");
    }

    #[track_caller]
    fn refuses(name: &str, output: &str, words: Option<&str>) {
        assert_eq!(rejection(output, &platform(name)), words);
    }

    #[test]
    fn a_refusal_is_told_from_an_answer_by_the_beginning_of_a_line() {
        let invalid = "% Invalid input detected at '^' marker.";
        refuses("cisco_iosxe", &format!("     ^\n{invalid}\n\n"), Some(invalid));
        refuses("cisco_nxos", &format!("     ^\n{invalid}\n"), Some(invalid));
        refuses("cisco_iosxe", "note: % Invalid input detected\n", None);
        refuses("cisco_iosxe", "%LINK-3-UPDOWN: Interface Gi1, changed state to down\n", None);
        refuses("cisco_iosxe", "Success rate is 0 percent (0/5)\n", None);
        let unrecognized = "Error: Unrecognized command found at '^' position.";
        refuses("huawei_vrp", &format!("     ^\n{unrecognized}\n"), Some(unrecognized));
        refuses(
            "frr_vtysh",
            "% Unknown command: pong 192.0.2.1\n",
            Some("% Unknown command: pong 192.0.2.1"),
        );
        refuses(
            "linux",
            "-bash: pong: command not found\n",
            Some("-bash: pong: command not found"),
        );
    }

    #[test]
    fn a_refusal_far_down_is_output() {
        let log = format!("{}% Invalid input detected\n", "log é\n".repeat(900));
        refuses("cisco_iosxe", &log, None);
    }
}
