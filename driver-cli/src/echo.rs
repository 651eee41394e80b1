//! The echo of a command: where the output begins, and taken off it.
//!
//! Devices wrap it, repaint it, pad it with blanks and cursor movements. Blanks and control
//! characters are therefore left out of every comparison.

use std::iter;

use crate::screen::{Escape, Taken};
use crate::unasked::is_message;
use crate::{PlatformDefinition, Screen};

/// How many lines a wrapped echo may take: 512 bytes on a terminal of 80 columns, with a prompt.
const ECHO_LINES_MAX: usize = 8;

/// What marks the cut where a terminal scrolls a line sideways.
const CUT_MARKS: [char; 2] = ['<', '$'];
/// How much of a line that scrolls sideways is in sight at least, in characters.
const IN_SIGHT_CHARS_MIN: usize = 8;

/// Watches for the echo of one command line.
#[derive(Debug)]
pub(crate) struct EchoWatch<'a> {
    platform: &'a PlatformDefinition,
    prompt: &'a str,
    line: &'a str,
    /// The line, without blanks.
    expected: String,
    /// What was printed, as a typewriter would: nothing overwritten, which is how an echo looks
    /// that is wrapped by a bare carriage return.
    tape: Tape,
    /// The same for a terminal that prints what comes behind such a return before it, too, to be
    /// sure that the line wraps; `None` for as long as that makes no difference.
    tape_once: Option<Tape>,
    /// The last that was printed is a carriage return.
    after_return: bool,
    escape: Escape,
    /// How many messages have been taken off the screen.
    messages: usize,
}

impl<'a> EchoWatch<'a> {
    /// For a line that is typed behind `prompt`.
    pub(crate) fn of(line: &'a str, prompt: &'a str, platform: &'a PlatformDefinition) -> Self {
        let expected = compact(line);
        Self {
            platform,
            prompt,
            line,
            tape: Tape { bytes: Vec::with_capacity(expected.len()), line: 0 },
            tape_once: None,
            expected,
            after_return: false,
            escape: Escape::default(),
            messages: 0,
        }
    }

    /// The line whose echo is awaited, without blanks.
    pub(crate) fn expected(&self) -> &str {
        &self.expected
    }

    /// How many messages came before the end of the echo. They are not on the screen any more: one
    /// may have come in the middle of it.
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Shows `bytes`, which came last, on `screen` up to the end of the echo; then removes all that
    /// is shown, and shows the rest. If the echo has been seen, returns what stood before it.
    pub(crate) fn show(&mut self, bytes: &[u8], screen: &mut Screen) -> Option<String> {
        let mut rest = bytes;
        loop {
            // RETURN is echoed by a line end: the echo ends before one, or with what has come.
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            self.hear(text);
            screen.feed(text);
            if self.is_seen(screen) {
                let before = self.before(screen);
                screen.clear();
                screen.feed(after);
                return Some(before);
            }
            if after.is_empty() {
                return None;
            }
            let (line_end, next) = after.split_at(1);
            screen.feed(line_end);
            self.end_line(screen);
            rest = next;
        }
    }

    /// Takes the line that has just ended off the screen and the tape, if it is a message.
    fn end_line(&mut self, screen: &mut Screen) {
        let line = screen.text().lines().next_back().unwrap_or_default();
        if is_message(line.trim(), self.platform) {
            screen.remove_last_line();
            self.messages += 1;
            self.tapes().for_each(Tape::forget_line);
        }
        self.tapes().for_each(Tape::end_line);
    }

    fn tapes(&mut self) -> impl Iterator<Item = &mut Tape> {
        iter::once(&mut self.tape).chain(&mut self.tape_once)
    }

    /// What stands before the echo that is seen.
    fn before(&self, screen: &Screen) -> String {
        if screen.text().is_empty() && screen.line_is(self.line) {
            return String::new();
        }
        let mut shown = screen.shown();
        let mut left = shown.char_indices().rev().filter(|(_, shown)| !shown.is_whitespace());
        let start = self.expected.chars().rev().try_fold(shown.len(), |_, expected| {
            left.next().filter(|(_, shown)| *shown == expected).map(|(at, _)| at)
        });
        // Otherwise parts of it are overwritten, on the line the cursor is on.
        shown.truncate(start.unwrap_or(screen.text().len()));
        shown
    }

    /// Takes note of the bytes that came last.
    fn hear(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.escape.take(byte) == Taken::No && byte > 0x20 && byte != 0x7f {
                let once = self.tape_once.as_ref().unwrap_or(&self.tape);
                let is_again = self.after_return && once.bytes.last() == Some(&byte);
                if is_again {
                    self.tape_once.get_or_insert_with(|| self.tape.clone());
                } else if let Some(once) = &mut self.tape_once {
                    once.bytes.push(byte);
                }
                self.tape.bytes.push(byte);
            }
            self.after_return = byte == b'\r';
        }
    }

    /// Whether the last of what was printed or is shown is the command line.
    fn is_seen(&self, screen: &Screen) -> bool {
        let mut shown = screen.backwards().filter(|character| !character.is_whitespace());
        // As the device writes it.
        let expected = self.platform.encoding.encode(&self.expected);
        self.tape.bytes.ends_with(&expected)
            || self.tape_once.as_ref().is_some_and(|tape| tape.bytes.ends_with(&expected))
            || self.expected.chars().rev().all(|expected| shown.next() == Some(expected))
            || self.is_in_sight(screen)
    }

    /// Whether the line scrolls sideways, and its end is shown behind the mark of the cut.
    fn is_in_sight(&self, screen: &Screen) -> bool {
        if screen.line_length() > self.expected.len() * 2 + self.prompt.len() {
            return false;
        }
        let line = compact(&screen.line());
        let prompt = compact(self.prompt);
        let tail = in_sight(&line, &prompt);
        tail.is_some_and(|tail| {
            tail.chars().count() >= IN_SIGHT_CHARS_MIN && self.expected.ends_with(tail)
        })
    }
}

/// What was printed, blanks and control characters aside.
#[derive(Clone, Debug)]
struct Tape {
    bytes: Vec<u8>,
    /// How much there was when the line began.
    line: usize,
}

impl Tape {
    fn end_line(&mut self) {
        self.line = self.bytes.len();
    }

    fn forget_line(&mut self) {
        self.bytes.truncate(self.line);
    }
}

/// What is in sight of a line that scrolls sideways, with or without the prompt in front.
pub(crate) fn in_sight<'a>(line: &'a str, prompt: &str) -> Option<&'a str> {
    line.strip_prefix(prompt).unwrap_or(line).strip_prefix(CUT_MARKS)
}

/// How many bytes of `text`, the output of a command line, are its echo: what is left of it up to
/// the line end that RETURN makes, and lines on which it is repeated behind the prompt.
pub(crate) fn echo_length(text: &str, line: &str, prompt: &str) -> usize {
    let mut length = first_echo_length(text, line, prompt);
    while let Some(repeated) = typed_line_length(&text[length..], prompt, line) {
        length += repeated;
    }
    length
}

/// How many bytes of `text` are `line` behind the prompt, blanks aside, up to the end of that line.
pub(crate) fn typed_line_length(text: &str, prompt: &str, line: &str) -> Option<usize> {
    let is_solid = |character: &char| !character.is_whitespace();
    let mut typed = prompt.chars().chain(line.chars()).filter(is_solid).peekable();
    // Nothing is never typed.
    typed.peek()?;
    for (at, character) in text.char_indices() {
        if character == '\n' {
            return typed.next().is_none().then_some(at + 1);
        }
        if is_solid(&character) && typed.next() != Some(character) {
            return None;
        }
    }
    typed.next().is_none().then_some(text.len())
}

fn first_echo_length(text: &str, line: &str, prompt: &str) -> usize {
    if text.starts_with('\n') {
        // All of the echo has been taken off already, up to the line end.
        return 1;
    }
    let (expected, prompt) = (compact(line), compact(prompt));
    let mut length = 0;
    let mut joined = String::new();
    for next in text.split_inclusive('\n').take(ECHO_LINES_MAX) {
        joined.push_str(&compact(next));
        length += next.len();
        let tail = in_sight(&joined, &prompt).unwrap_or(&joined);
        if joined.ends_with(&expected) || expected.ends_with(tail) {
            return length;
        }
        if joined.len() > expected.len() * 2 {
            break;
        }
    }
    0
}

pub(crate) fn compact(text: &str) -> String {
    let mut compact = text.to_owned();
    compact.retain(|character| !character.is_whitespace());
    compact
}

#[cfg(test)]
mod tests {
    use pool_core::Platform;

    use super::*;
    use crate::Platforms;

    const LINE: &str = "ping 192.0.2.1 repeat 5";

    fn seen(line: &str, bytes: &[u8]) -> bool {
        let platform = Platforms::builtin().get(&Platform::new("cisco_iosxe")).unwrap();
        let mut screen = Screen::new();
        let mut watch = EchoWatch::of(line, "R1#", &platform);
        screen.feed(bytes);
        watch.hear(bytes);
        watch.is_seen(&screen)
    }

    #[test]
    fn an_echo_is_seen_however_the_terminal_prints_it() {
        assert!(seen(LINE, b"ping 192.0.2.1 repeat 5"));
        assert!(seen(LINE, b"ping 192.0.2.1 rep\reat 5"), "wrapped by a carriage return");
        assert!(seen(LINE, b"ping 192.0.2.1 rep \reat 5"), "by a blank and one");
        assert!(seen(LINE, b"ping 192.0.2.1 repe\reat 5"), "with what comes next, to be sure");
        assert!(seen("echo xxxxxx", b"echo xxxx\rxx"), "where all is the same");
        assert!(seen("echo xxxxxx", b"echo xxxxx\rxx"), "and comes next");
        assert!(seen(LINE, b"ping 192.0.2.1 rep\r\neat 5"), "by a line end");
        assert!(seen(LINE, b"ping \x1b[1D 192.0.2.1 \x1b[1D repeat 5 \x1b[1D"), "padded");
        assert!(seen(LINE, b"pinh\x08 \x08g 192.0.2.1 repeat 5"), "corrected");
        assert!(seen(LINE, b"ping 19\rR1#ping 192.0.2.1 repeat 5"), "repainted");
        assert!(seen(LINE, b"ping 192.0.2.1\r<.2.1 repeat 5"), "scrolled sideways");
        assert!(seen(LINE, b"ping 192.0.2.1\rR1#$.2.1 repeat 5"), "and behind the prompt");
        assert!(seen(LINE, b"stale output\r\nR1#ping 192.0.2.1 repeat 5"), "late");
    }

    #[test]
    fn a_part_of_the_command_is_not_its_echo() {
        assert!(!seen(LINE, b""));
        assert!(!seen(LINE, b"ping 192.0.2.1 repeat"));
        assert!(!seen(LINE, b"ping 192.0.2.1\rR1#$.2.1 rep             "), "scrolled, not whole");
        assert!(!seen(LINE, b"\rR1#$peat 5"), "too little to tell");
        assert!(!seen(LINE, b"ping 192.0.2.1 repeat 5\r\nSending"));
    }

    /// What is before the echo, how many messages were, and what is left on the screen.
    #[track_caller]
    fn split(bytes: &str, before: &str, messages: usize, behind: &str) {
        let platform = Platforms::builtin().get(&Platform::new("cisco_iosxe")).unwrap();
        let mut screen = Screen::new();
        let mut watch = EchoWatch::of(LINE, "R1#", &platform);
        assert_eq!(watch.show(bytes.as_bytes(), &mut screen).as_deref(), Some(before), "{bytes:?}");
        assert_eq!((watch.messages(), screen.text()), (messages, behind), "{bytes:?}");
    }

    #[test]
    fn what_stands_before_the_echo_is_told_from_it() {
        split("ping 192.0.2.1 repeat 5\r\nok\r\n", "", 0, "\nok\n");
        split("\rR1#ping 192.0.2.1 rep\r\neat 5\r\n", "R1#", 0, "\n");
        split("late\r\nR1#ping 192.0.2.1 repeat 5", "late\nR1#", 0, "");
        split("late\r\nping 192.0.2.1 rep\reat 5", "late\n", 0, "");
        let log = "*Nov 22 08:00:00.123: %SYS-5-CONFIG_I: done\r\n";
        split(&format!("ping 192\r\n{log}.0.2.1 repeat 5\r\nok\r\n"), "", 1, "\nok\n");
        split(&format!("\r\n{log}{log}R1#ping 192.0.2.1 repeat 5"), "\nR1#", 2, "");
        split(&format!("ping 1\r\n{log}92.0.2.1 rep\reat 5"), "ping 1\n", 1, "");
    }

    #[track_caller]
    fn check(text: &str, output: &str) {
        assert_eq!(&text[echo_length(text, LINE, "R1#")..], output);
    }

    #[test]
    fn what_is_left_of_the_echo_is_taken_off_and_nothing_else() {
        check("\nSending 5\n", "Sending 5\n");
        check("ping 192.0.2.1 repeat 5\nSending 5\n", "Sending 5\n");
        check("ping 192.0.2.1\n repeat 5\nSending 5\n", "Sending 5\n");
        check("<repeat 5\nSending 5\n", "Sending 5\n");
        check("\nR1#ping 192.0.2.1 repeat 5\nSending 5\n", "Sending 5\n");
        check("\n\nSending 5\n", "\nSending 5\n");
        check("Sending 5\n", "Sending 5\n");
        check("", "");
    }
}
