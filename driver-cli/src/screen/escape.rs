/// A terminal title is some dozens of bytes. A string longer than this was never ended, and what
/// follows must not be swallowed for ever.
const STRING_BYTES_MAX: usize = 1024;

/// Recognises control sequences (ECMA-48) in a stream of bytes, one byte at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Escape {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC, and after intermediate bytes that follow it.
    Escape { intermediate: bool },
    /// In a control sequence: `ESC [ ... final`. Only the first parameter matters to a line.
    Csi { parameter: Option<usize>, first: bool },
    /// In a string (a title, a device control string) that BEL or `ESC \` ends.
    Text { bytes: usize, escape: bool },
}

/// What a sequence asks of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `CSI n final`; a parameter that is absent is `None`.
    Csi { parameter: Option<usize>, last: u8 },
    /// The next line, at its beginning.
    NextLine,
    /// A reset of the terminal.
    Reset,
}

/// What became of one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It belongs to a sequence, which may have ended with it.
    Yes(Option<Action>),
    /// It is not part of any sequence.
    No,
}

impl Escape {
    /// Whether the next byte stands for itself, unless it is ESC.
    pub(crate) fn is_ground(&self) -> bool {
        matches!(self.state, State::Ground)
    }

    /// Takes the next byte if it belongs to a sequence.
    ///
    /// A control character inside a sequence ends it and is not taken, because a line break in a
    /// torn sequence is still a line break.
    pub(crate) fn take(&mut self, byte: u8) -> Taken {
        const ESC: u8 = 0x1b;
        match self.state {
            State::Text { bytes, escape } => self.take_text(byte, bytes, escape),
            _ if byte == ESC => self.go(State::Escape { intermediate: false }),
            State::Ground => Taken::No,
            _ if !(0x20..0x7f).contains(&byte) => {
                self.state = State::Ground;
                Taken::No
            }
            State::Escape { intermediate } => self.take_escape(byte, intermediate),
            State::Csi { parameter, first } => self.take_csi(byte, parameter, first),
        }
    }

    fn take_escape(&mut self, byte: u8, intermediate: bool) -> Taken {
        match byte {
            0x20..=0x2f => self.go(State::Escape { intermediate: true }),
            b'[' if !intermediate => self.go(State::Csi { parameter: None, first: true }),
            b']' | b'P' | b'X' | b'^' | b'_' if !intermediate => {
                self.go(State::Text { bytes: 0, escape: false })
            }
            b'D' | b'E' if !intermediate => self.done(Some(Action::NextLine)),
            b'c' if !intermediate => self.done(Some(Action::Reset)),
            _ => self.done(None),
        }
    }

    fn take_csi(&mut self, byte: u8, parameter: Option<usize>, first: bool) -> Taken {
        match byte {
            b'0'..=b'9' if first => {
                let digit = usize::from(byte - b'0');
                let value = parameter.unwrap_or(0).saturating_mul(10).saturating_add(digit);
                self.go(State::Csi { parameter: Some(value), first })
            }
            0x20..=0x3f => self.go(State::Csi { parameter, first: false }),
            last => self.done(Some(Action::Csi { parameter, last })),
        }
    }

    fn take_text(&mut self, byte: u8, bytes: usize, escape: bool) -> Taken {
        const BEL: u8 = 0x07;
        match byte {
            BEL => self.done(None),
            b'\\' if escape => self.done(None),
            b'\r' | b'\n' => {
                self.state = State::Ground;
                Taken::No
            }
            _ if bytes >= STRING_BYTES_MAX => {
                self.state = State::Ground;
                Taken::No
            }
            _ => self.go(State::Text { bytes: bytes + 1, escape: byte == 0x1b }),
        }
    }

    fn go(&mut self, state: State) -> Taken {
        self.state = state;
        Taken::Yes(None)
    }

    fn done(&mut self, action: Option<Action>) -> Taken {
        self.state = State::Ground;
        Taken::Yes(action)
    }
}
