//! Rows that are no wider than the terminal.

use crate::report::plain;

/// `row` in at most `width` columns, whatever colours are in it. Colours behind what is cut off
/// stay, because one of them is the end of those before.
pub(super) fn clip(row: &str, width: usize) -> String {
    let (mut clipped, mut columns, mut is_colour) = (String::with_capacity(row.len()), 0, false);
    for c in row.chars() {
        is_colour |= c == '\u{1b}';
        columns += usize::from(!is_colour);
        if is_colour || columns <= width {
            clipped.push(c);
        }
        // A colour ends with the letter that says it is one.
        is_colour &= c != 'm';
    }
    clipped.trim_end().to_owned()
}

/// `row`, which has no colours in it, in at most `width` columns.
pub(super) fn cut(row: &str, width: usize) -> String {
    row.chars().take(width).collect::<String>().trim_end().to_owned()
}

/// `text` in so many columns, with a mark where it is cut.
pub(super) fn short(text: &str, columns: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= columns {
        return text;
    }
    text.chars().take(columns.saturating_sub(1)).chain(['~']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room_and_end_where_they_are_cut() {
        assert_eq!(clip("\u{1b}[31mabcdef\u{1b}[0m", 3), "\u{1b}[31mabc\u{1b}[0m");
        assert_eq!(clip("abc   ", 5), "abc");
    }
}
