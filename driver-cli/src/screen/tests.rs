use proptest::prelude::*;

use super::*;

fn shown(bytes: &[u8]) -> (String, String) {
    let mut screen = Screen::new();
    screen.feed(bytes);
    (screen.text().to_owned(), screen.line().trim_end().to_owned())
}

#[track_caller]
fn check(bytes: &[u8], text: &str, line: &str) {
    assert_eq!(shown(bytes), (text.to_owned(), line.to_owned()), "{}", bytes.escape_ascii());
}

#[test]
fn every_kind_of_line_end_is_one() {
    check(b"a\r\nb\nc\r\r\nd\r\r\r\n\r\ne", "a\nb\nc\nd\n\n", "e");
}

#[test]
fn a_lone_carriage_return_overwrites() {
    check(b"12345\rab", "", "ab345");
    check(b"R1#\rR1#show\r\n", "R1#show\n", "");
}

#[test]
fn backspaces_move_back_and_what_follows_overwrites() {
    check(b"shwo\x08\x08ow", "", "show");
    check(b"\x08\x08a", "", "a");
    check(b"abc\x08 \x08", "", "ab");
}

#[test]
fn pagers_that_erase_themselves_leave_nothing() {
    check(b"one\r\n --More-- \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08two\r\n", "one\ntwo\n", "");
    check(
        b"one\r\n  ---- More ----\x1b[42D                          \x1b[42Dtwo\r\n",
        "one\ntwo\n",
        "",
    );
    check(b"one\r\n--More--\x1b[2K\rtwo\r\n", "one\ntwo\n", "");
    check(b"one\r\n--More--\r\x1b[Ktwo\r\n", "one\ntwo\n", "");
}

#[test]
fn nul_and_bell_are_nothing() {
    check(b"\x00\x00R1\x07#\x07", "", "R1#");
}

#[test]
fn colours_titles_and_modes_are_nothing() {
    check(b"\x1b]0;root@host: ~\x07\x1b[?2004h\x1b[01;32mroot\x1b[00m# ", "", "root#");
    check(b"\x1b]2;title\x1b\\\x1b(B\x1b=\x1bPq1\x1b\\$ ", "", "$");
}

#[test]
fn a_title_that_never_ends_does_not_swallow_the_session() {
    check(b"\x1b]0;title\r\nR1#", "\n", "R1#");
    let mut bytes = b"\x1b]0;".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 5000));
    bytes.extend(b"\r\nR1#");
    assert_eq!(shown(&bytes).1, "R1#");
}

#[test]
fn editing_sequences_change_the_line() {
    check(b"abcdef\x1b[3D\x1b[P", "", "abcef");
    check(b"abc\r\x1b[2@", "", "  abc");
    check(b"abcdef\x1b[3G\x1b[2X", "", "ab  ef");
    check(b"abcdef\x1b[4D\x1b[1K", "", "   def");
    check(b"ab\x1b[3Cc", "", "ab   c");
    check(b"\x1b[3Cabc\r\n", "   abc\n", "");
    check(b"old text\x1b[2J\x1b[Hnew", "", "new");
}

#[test]
fn a_control_character_ends_a_torn_sequence() {
    check(b"a\x1b[1\r\nb\x1b\nc", "a\nb\n", "c");
}

#[test]
fn characters_outside_of_ascii_survive_being_torn() {
    check("Маршрутизатор#".as_bytes(), "", "Маршрутизатор#");
    check(b"a\xe4\xbd\r\n\xff\xc3(", "a\u{fffd}\n", "\u{fffd}\u{fffd}(");
    // Whole lines around what is not UTF-8.
    check(b"a\r\n\xff\r\nb  \r\nc", "a\n\u{fffd}\nb\n", "c");
}

#[test]
fn a_line_knows_its_length_and_text_without_blanks_at_its_end() {
    let mut screen = Screen::new();
    screen.feed(b"x\r\nR1#  ");
    assert_eq!((screen.line_length(), screen.size()), (3, 7));
    assert!(screen.line_is("R1#") && screen.line_is("R1# ") && !screen.line_is("R1"));
    screen.cut_line(1);
    assert_eq!(screen.line(), "R");
    screen.finish_line();
    screen.finish_line();
    assert_eq!(screen.take(), "x\nR\n");
    assert!(screen.is_empty());
}

/// Bytes in which control characters, sequences and torn UTF-8 are frequent.
fn terminal_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => "[ -~]{0,12}".prop_map(String::into_bytes),
        1 => "\\PC{0,4}".prop_map(String::into_bytes),
        2 => "\x1b\\[[0-9;?]{0,4}[A-Za-z@`]".prop_map(String::into_bytes),
        1 => "\x1b\\][a-z0-9;]{0,6}(\x07|\x1b\\\\)?".prop_map(String::into_bytes),
        2 => prop::sample::select(vec!["\r", "\n", "\r\n", "\r\r\n", "\x08", "\0", "\x1b", "\t"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

#[test]
fn gb18030_is_decoded_in_any_pieces() {
    // Two bytes (the second of the third is an ASCII letter), four bytes, and what is neither.
    let cases: [(&[u8], &str); 7] = [
        (b"\xbd\xd3\xbf\xda 1\r\n", "接口 1\n"),
        (b"<\xba\xcb\xd0\xc4-1>\n", "<核心-1>\n"),
        (b"\x81\x41x\n", "丄x\n"),
        (b"\x81\x30\x84\x36x\n", "\u{a5}x\n"),
        (b"\xbd\r\nx\n", "\u{fffd}\nx\n"),
        (b"\x81\x30x\n", "\u{fffd}0x\n"),
        (b"\xff\x80a\n", "\u{fffd}\u{fffd}a\n"),
    ];
    for (bytes, expected) in cases {
        for piece in 1..=bytes.len() {
            let mut screen = Screen::with_encoding(TextEncoding::Gb18030);
            bytes.chunks(piece).for_each(|bytes| screen.feed(bytes));
            assert_eq!(screen.text(), expected, "{}", bytes.escape_ascii());
        }
    }
}

proptest! {
    #[test]
    fn pieces_make_no_difference(bytes in terminal_bytes(), cuts in prop::collection::vec(1_usize..9, 1..40)) {
        let mut in_pieces = Screen::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            in_pieces.feed(piece);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(shown(&bytes), (in_pieces.text().to_owned(), in_pieces.line().trim_end().to_owned()));
    }

    #[test]
    fn any_bytes_are_shown_within_bounds(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let mut screen = Screen::new();
        screen.feed(&bytes);
        // A column up to 4096 can be reached with one short sequence.
        // Four bytes can move the cursor 9 columns on, and seven to the last column.
        prop_assert!(screen.size() <= 4 * bytes.len() + 1024 * bytes.len().div_ceil(7));
        let control = screen.text().contains(['\u{0}', '\u{7}', '\u{8}', '\r', '\u{1b}']);
        prop_assert!(!control);
    }

    #[test]
    fn text_without_control_characters_is_shown_as_it_is(
        bytes in prop::collection::vec(prop_oneof![0x21_u8..0x7f, 0x80_u8..=0xff], 0..64)
    ) {
        let mut screen = Screen::new();
        screen.feed(&bytes);
        screen.feed(b"\n");
        let mut expected = String::from_utf8_lossy(&bytes).replace(char::is_control, "");
        expected.push('\n');
        prop_assert_eq!(screen.text(), expected);
    }
}

#[test]
fn a_line_is_printable_up_to_the_first_byte_that_is_not() {
    for length in 0..70 {
        let mut bytes = vec![b'~'; length];
        bytes.extend(b" 0");
        assert_eq!(printable_length(&bytes), length + 2);
        for other in [b'\x1f', b'\x7f', b'\xc3', b'\n'] {
            bytes[length] = other;
            assert_eq!(printable_length(&bytes), length);
        }
    }
}
