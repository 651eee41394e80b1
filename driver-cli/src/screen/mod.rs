mod decoder;
mod encoding;
mod escape;
mod gb18030;
mod line;
mod utf8;

#[cfg(test)]
mod tests;

pub use self::encoding::TextEncoding;
pub(crate) use self::escape::{Escape, Taken};

use std::ops::Range;

use self::decoder::Decoder;
use self::escape::Action;
use self::line::Line;

/// What a terminal would show of the bytes that a device sends: finished lines, and the line the
/// cursor is on.
///
/// Carriage returns, backspaces, overwriting, and the control sequences of ECMA-48 that change a
/// line are resolved; colours, titles, bells and NULs are dropped; a tab stays a tab. The screen
/// has no width and no height: a line ends at a line feed only, and a finished line never changes.
/// Blanks at the end of a line are dropped when it is finished.
///
/// Bytes can be fed in any pieces, with the same result. The work is linear in their number. What
/// is held grows with them, and it is for the caller to look at [`size`](Self::size).
///
/// ```
/// let mut screen = driver_cli::Screen::new();
/// screen.feed(b"Interface up\r\n --More-- \r          \rInterface down\r\n\x1b[1mR1\x1b[0m#");
/// assert_eq!(screen.text(), "Interface up\nInterface down\n");
/// assert_eq!(screen.line(), "R1#");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Screen {
    text: String,
    line: Line,
    escape: Escape,
    decoder: Decoder,
}

impl Screen {
    /// An empty screen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty screen for a device that writes text in `encoding`.
    #[must_use]
    pub fn with_encoding(encoding: TextEncoding) -> Self {
        Self { decoder: Decoder::of(encoding), ..Self::default() }
    }

    /// Shows the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.text.reserve(bytes.len());
        let valid = valid_text(bytes);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.escape.is_ground() && self.decoder.is_idle() {
                let run = printable_length(&bytes[at..]);
                if run > 0 {
                    at = self.feed_ascii(bytes, valid, at..at + run);
                    continue;
                }
            }
            self.feed_byte(byte);
            at += 1;
        }
    }

    /// The finished lines, each with a `\n` at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line the cursor is on, with the blanks at its end.
    pub fn line(&self) -> String {
        looked_at(self.line.cells().len());
        self.line.cells().iter().collect()
    }

    /// How many characters the line the cursor is on has, blanks at its end aside.
    pub fn line_length(&self) -> usize {
        let cells = self.line.cells();
        let length = cells.iter().rposition(|cell| *cell != ' ').map_or(0, |last| last + 1);
        looked_at(cells.len() - length + 1);
        length
    }

    /// Whether the cursor is on a line that has something on it, blanks included.
    pub fn is_in_line(&self) -> bool {
        !self.line.cells().is_empty()
    }

    /// Whether the line the cursor is on is `text`, blanks at its end aside.
    pub fn line_is(&self, text: &str) -> bool {
        let mut cells = self.line.cells().iter().copied().inspect(|_| looked_at(1));
        let text = text.trim_end_matches(' ').chars();
        text.into_iter().all(|expected| cells.next() == Some(expected))
            && cells.all(|cell| cell == ' ')
    }

    /// The last characters shown, at most `count` of them.
    pub fn tail(&self, count: usize) -> String {
        looked_at(count);
        let line = self.line.cells();
        let line = &line[line.len().saturating_sub(count)..];
        let above = count - line.len();
        let start =
            self.text.char_indices().rev().take(above).last().map_or(self.text.len(), |(at, _)| at);
        self.text[start..].chars().chain(line.iter().copied()).collect()
    }

    /// Everything shown, the line the cursor is on included.
    pub(crate) fn shown(&self) -> String {
        looked_at(self.size());
        let mut shown = String::with_capacity(self.size());
        shown.push_str(&self.text);
        shown.extend(self.line.cells());
        shown
    }

    /// Everything shown from the last character backwards.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = char> + '_ {
        let shown = self.line.cells().iter().rev().copied().chain(self.text.chars().rev());
        shown.inspect(|_| looked_at(1))
    }

    /// How much is shown: bytes of finished lines and characters of the unfinished one.
    pub fn size(&self) -> usize {
        self.text.len() + self.line.cells().len()
    }

    /// Whether nothing is shown.
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// Finishes the line the cursor is on, unless it is empty.
    pub fn finish_line(&mut self) {
        if self.is_in_line() {
            self.next_line();
        }
    }

    /// Removes everything from character `length` on from the line the cursor is on.
    pub fn cut_line(&mut self, length: usize) {
        self.line.truncate(length);
    }

    /// Removes the last of the finished lines.
    pub(crate) fn remove_last_line(&mut self) {
        let end = self.text.len().saturating_sub(1);
        let start = self.text[..end].rfind('\n').map_or(0, |before| before + 1);
        self.text.truncate(start);
    }

    /// Removes everything shown, and keeps what is known of an unfinished control sequence.
    pub fn clear(&mut self) {
        self.text.clear();
        self.line.clear();
    }

    /// As [`clear`](Self::clear), and returns the finished lines.
    pub fn take(&mut self) -> String {
        self.line.clear();
        std::mem::take(&mut self.text)
    }

    /// Shows the `run` of printable ASCII in `bytes`, of which `valid` is the beginning, and returns
    /// how far it got.
    fn feed_ascii(&mut self, bytes: &[u8], valid: &str, run: Range<usize>) -> usize {
        let end = run.end;
        if self.line.is_fresh()
            && let Some(line_end) = line_end_length(&bytes[end..])
        {
            // A whole line at once, which is what megabytes of output consist of.
            let shown = valid.get(run.clone()).unwrap_or_else(|| valid_text(&bytes[run]));
            self.text.push_str(shown.trim_end_matches(' '));
            self.text.push('\n');
            return end + line_end;
        }
        self.line.print_ascii(&bytes[run]);
        end
    }

    fn feed_byte(&mut self, byte: u8) {
        // The control characters of the upper half mean nothing in either encoding.
        let mut print = |character: char| {
            if !character.is_control() {
                self.line.print(character);
            }
        };
        if !self.decoder.is_idle() && self.decoder.wants(byte) {
            return self.decoder.take(byte, &mut print);
        }
        self.decoder.cut_off(&mut print);
        match self.escape.take(byte) {
            Taken::Yes(action) => action.into_iter().for_each(|action| self.act(action)),
            Taken::No => match byte {
                b'\r' => self.line.carriage_return(),
                b'\n' | 0x0b | 0x0c => self.next_line(),
                0x08 => self.line.left(1),
                b'\t' => self.line.print('\t'),
                0x20..=0x7e => self.line.print(char::from(byte)),
                0x80.. => self.decoder.take(byte, &mut |character| {
                    if !character.is_control() {
                        self.line.print(character);
                    }
                }),
                // NUL and BEL, and whatever else only a teleprinter obeys.
                _ => {}
            },
        }
    }

    fn act(&mut self, action: Action) {
        let (parameter, last) = match action {
            Action::Csi { parameter, last } => (parameter, last),
            Action::NextLine => return self.next_line(),
            Action::Reset => return self.line.clear(),
        };
        let count = parameter.unwrap_or(1).max(1);
        match (last, parameter.unwrap_or(0)) {
            (b'C', _) => self.line.right(count),
            (b'D', _) => self.line.left(count),
            (b'G' | b'`', _) => self.line.move_to(count - 1),
            // There is one line only: whatever row is meant, it is this one, at its beginning.
            (b'H' | b'f', _) => self.line.carriage_return(),
            (b'E', _) => self.next_line(),
            (b'J' | b'K', 0) => self.line.erase_to_end(),
            (b'J' | b'K', 1) => self.line.erase_from_start(),
            (b'J' | b'K', 2) => self.line.erase_all(),
            (b'P', _) => self.line.delete(count),
            (b'@', _) => self.line.insert(count),
            (b'X', _) => self.line.erase(count),
            _ => {}
        }
    }

    fn next_line(&mut self) {
        let end = self.line_length();
        self.text.extend(&self.line.cells()[..end]);
        self.text.push('\n');
        self.line.clear();
    }
}

/// Counts how many characters on a screen have been looked at, for the tests that prove that the
/// work does not grow with the square of the output.
fn looked_at(characters: usize) {
    #[cfg(test)]
    LOOKED_AT.set(LOOKED_AT.get() + characters);
    #[cfg(not(test))]
    let _ = characters;
}

#[cfg(test)]
thread_local! {
    pub(crate) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// How many bytes of printable ASCII `bytes` begins with. Looks at whole blocks first, which the
/// compiler does with a few instructions.
fn printable_length(bytes: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let is_whole = |block: &&[u8]| block.iter().fold(true, |all, byte| all & is_printable(*byte));
    let blocks = bytes.chunks_exact(BLOCK).take_while(is_whole).count();
    let rest = bytes[blocks * BLOCK..].iter();
    blocks * BLOCK + rest.take_while(|byte| is_printable(**byte)).count()
}

/// How many bytes a line feed takes that `bytes` begins with, with carriage returns before it.
fn line_end_length(bytes: &[u8]) -> Option<usize> {
    let returns = bytes.iter().take_while(|byte| **byte == b'\r').count();
    bytes[returns..].starts_with(b"\n").then_some(returns + 1)
}

/// What `bytes` begins with that is UTF-8. Checked once for many lines, which is faster than line by
/// line.
fn valid_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_else(|error| {
        std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("it was found to be valid")
    })
}
