use super::{TextEncoding, gb18030, utf8};

/// Decodes the bytes outside of ASCII.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decoder {
    Utf8(utf8::Decoder),
    Gb18030(gb18030::Decoder),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::of(TextEncoding::default())
    }
}

impl Decoder {
    pub(super) fn of(encoding: TextEncoding) -> Self {
        match encoding {
            TextEncoding::Utf8 => Self::Utf8(utf8::Decoder::default()),
            TextEncoding::Gb18030 => Self::Gb18030(gb18030::Decoder::default()),
        }
    }

    /// Whether no character is under way.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Utf8(decoder) => decoder.is_idle(),
            Self::Gb18030(decoder) => decoder.is_idle(),
        }
    }

    /// Whether `byte` is this decoder's: no control character, nor one that stands for itself.
    pub(super) fn wants(&self, byte: u8) -> bool {
        match self {
            Self::Utf8(_) => byte >= 0x80,
            Self::Gb18030(decoder) => byte >= 0x80 || decoder.continues(byte),
        }
    }

    /// Takes a byte and hands on every character that is complete with it.
    pub(super) fn take(&mut self, byte: u8, print: &mut impl FnMut(char)) {
        match self {
            Self::Utf8(decoder) => decoder.take(byte, print),
            Self::Gb18030(decoder) => decoder.take(byte, print),
        }
    }

    /// Gives up on a character that something else has cut off.
    pub(super) fn cut_off(&mut self, print: &mut impl FnMut(char)) {
        match self {
            Self::Utf8(decoder) => decoder.cut_off(print),
            Self::Gb18030(decoder) => decoder.cut_off(print),
        }
    }
}
