//! Whatever a device sends, the screen shows the same however it arrives, and holds no more than
//! what came.

#![no_main]

use driver_cli::{Screen, TextEncoding};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (piece, chinese, bytes) = input;
    let encoding = if chinese { TextEncoding::Gb18030 } else { TextEncoding::Utf8 };
    let mut whole = Screen::with_encoding(encoding);
    whole.feed(bytes);
    let mut pieces = Screen::with_encoding(encoding);
    for piece in bytes.chunks(usize::from(piece).max(1)) {
        pieces.feed(piece);
    }
    assert_eq!((whole.text(), whole.line()), (pieces.text(), pieces.line()));
    assert!(whole.text().is_empty() || whole.text().ends_with('\n'));
});
