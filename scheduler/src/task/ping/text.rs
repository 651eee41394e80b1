use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// How much of an output an error quotes.
const TAIL_CHARS_MAX: usize = 200;

/// Terminal control that changes nothing about the text: colours, "erase to the end of the line",
/// modes, and window titles. Anything else, such as moving the cursor, stays, and the line that
/// has it is not read.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b\[[0-9;]*m|\x1b\[0?K|\x1b\[\?[0-9;]*[hl]|\x1b\][^\x07\x1b]*\x07|[\x00\x07]")
        .expect("a test uses it")
});

/// The lines of an output: without surrounding blanks, harmless terminal control and empty lines,
/// each run of blanks inside made one. A carriage return begins a new line, because what follows
/// it stands at the line's beginning.
pub(super) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.split(['\n', '\r']).filter_map(|raw| {
        let plain: Cow<'_, str> = HARMLESS.replace_all(raw, "");
        let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line.is_empty()).then_some(line)
    })
}

/// The last of a text, for an error.
pub(super) fn tail(text: &str) -> String {
    let text = text.trim_end();
    let skip = text.chars().count().saturating_sub(TAIL_CHARS_MAX);
    text.chars().skip(skip).collect()
}

/// The first of a line, for an error.
pub(super) fn head(line: &str) -> String {
    line.chars().take(TAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_blanks_and_colours_do_not_matter() {
        let text = "\x1b[?2004l\r  5 packet(s)\t transmitted  \r\r\n\n\x1b[1mok\x1b[0m\x1b[K\0\0";
        assert_eq!(lines(text).collect::<Vec<_>>(), ["5 packet(s) transmitted", "ok"]);
    }

    #[test]
    fn a_moved_cursor_is_not_guessed_at() {
        assert_eq!(lines("1\x1b[D5 received").collect::<Vec<_>>(), ["1\x1b[D5 received"]);
    }

    #[test]
    fn a_tail_is_bounded_in_characters() {
        assert_eq!(tail(&"ä".repeat(900)).chars().count(), TAIL_CHARS_MAX);
        assert_eq!(tail("short\n"), "short");
    }
}
