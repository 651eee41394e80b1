/// Decodes UTF-8 that arrives in pieces, as `String::from_utf8_lossy` would the whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decoder {
    pending: [u8; 4],
    length: usize,
}

impl Decoder {
    /// Whether no sequence is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.length == 0
    }

    /// Takes a byte outside of ASCII and hands on every character that is complete with it.
    pub(super) fn take(&mut self, byte: u8, print: &mut impl FnMut(char)) {
        self.pending[self.length] = byte;
        self.length += 1;
        match std::str::from_utf8(&self.pending[..self.length]) {
            Ok(text) => {
                text.chars().for_each(print);
                self.length = 0;
            }
            Err(error) => {
                if let Some(bad) = error.error_len() {
                    print(char::REPLACEMENT_CHARACTER);
                    // What is bad is the byte itself or everything before it; in the second case
                    // the byte begins anew.
                    let begins_anew = bad < self.length;
                    self.length = 0;
                    if begins_anew {
                        self.take(byte, print);
                    }
                }
            }
        }
    }

    /// Gives up on a sequence that something else has cut off.
    pub(super) fn cut_off(&mut self, print: &mut impl FnMut(char)) {
        if self.length > 0 {
            self.length = 0;
            print(char::REPLACEMENT_CHARACTER);
        }
    }
}
