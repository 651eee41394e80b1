/// Decodes GB 18030 that arrives in pieces: characters of one (ASCII), two or four bytes.
///
/// The second byte of two may be an ASCII letter, so this must be asked before a byte is taken for
/// one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decoder {
    pending: [u8; 4],
    length: usize,
}

impl Decoder {
    /// Whether no character is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.length == 0
    }

    /// Whether `byte` goes on with the character that is under way.
    pub(super) fn continues(&self, byte: u8) -> bool {
        match self.length {
            1 => matches!(byte, 0x30..=0x39 | 0x40..=0x7e | 0x80..=0xfe),
            2 => matches!(byte, 0x81..=0xfe),
            3 => byte.is_ascii_digit(),
            _ => false,
        }
    }

    /// Takes a byte that goes on with the character under way, or begins one, and hands on every
    /// character that is complete with it.
    pub(super) fn take(&mut self, byte: u8, print: &mut impl FnMut(char)) {
        if self.length > 0 && !self.continues(byte) {
            self.cut_off(print);
        }
        if self.length == 0 && !matches!(byte, 0x81..=0xfe) {
            let is_ascii = byte.is_ascii();
            return print(if is_ascii { char::from(byte) } else { char::REPLACEMENT_CHARACTER });
        }
        self.pending[self.length] = byte;
        self.length += 1;
        let is_complete = self.length == 4 || (self.length == 2 && !byte.is_ascii_digit());
        if is_complete {
            let bytes = &self.pending[..self.length];
            let (text, _) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
            text.chars().for_each(print);
            self.length = 0;
        }
    }

    /// Gives up on a character that something else has cut off.
    pub(super) fn cut_off(&mut self, print: &mut impl FnMut(char)) {
        let begun = std::mem::take(&mut self.length);
        if begun > 0 {
            print(char::REPLACEMENT_CHARACTER);
        }
        // Where a third byte is missing or wrong, the second was a digit that stands for itself.
        if begun > 1 {
            print(char::from(self.pending[1]));
        }
    }
}
