use std::time::Duration;

use crate::Fault;
use crate::console::Console;
use crate::keyboard::CTRL_C;
use crate::output::Gone;

/// Characters of a command line; more are answered by a bell.
const LINE_CHARS_MAX: usize = 1024;

/// How late a slow echo is, per character.
const SLOW_ECHO: Duration = Duration::from_millis(20);

const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
const CTRL_D: u8 = 0x04;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// Wipes one character off the screen.
const RUBOUT: &[u8] = b"\x08 \x08";

/// A command line being typed, with its echo.
#[derive(Debug)]
pub(crate) struct Editor {
    /// Each echoed character is followed by a blank and a movement back over it.
    cursor_echo: bool,
    /// The last key was a carriage return, so that a line feed belongs to it.
    after_return: bool,
}

/// What was typed at a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Line(String),
    /// Ctrl-C: the line is forgotten.
    Interrupt,
    /// Ctrl-D on an empty line of a Unix shell.
    End,
}

impl Editor {
    pub(crate) fn new(cursor_echo: bool) -> Self {
        Self { cursor_echo, after_return: false }
    }

    /// Reads one line behind `prompt` and echoes it.
    pub(crate) async fn line(
        &mut self,
        console: &mut Console,
        prompt: &str,
    ) -> Result<Typed, Gone> {
        let (mut line, mut echo) = (Vec::new(), Vec::new());
        loop {
            let key = console.keyboard.key().await?;
            let typed = self.key(key, console.router.dialect.unix, &mut line, &mut echo);
            if console.router.dialect.terminal_in_username && matches!(typed, Some(Typed::Line(_)))
            {
                // RETURN paints the whole line anew, below or over what was echoed.
                let text = String::from_utf8_lossy(&line);
                echo = format!("\r\r\r\r{prompt}{text}\x1b[K\r\n").into_bytes();
            }
            if console.router.has(Fault::SlowEcho) && !echo.is_empty() {
                tokio::time::sleep(SLOW_ECHO).await;
                console.output.write(std::mem::take(&mut echo)).await?;
            }
            // What was typed at once is echoed at once.
            let pause = typed.is_some() || !console.keyboard.has_typed_ahead();
            if pause && !echo.is_empty() {
                console.output.write(std::mem::take(&mut echo)).await?;
            }
            if let Some(typed) = typed {
                return Ok(typed);
            }
        }
    }

    /// Reads one line of which only its end is echoed, and `mask` for each of its characters.
    pub(crate) async fn secret(
        &mut self,
        console: &mut Console,
        mask: &str,
    ) -> Result<Typed, Gone> {
        let (mut line, mut echo) = (Vec::new(), Vec::new());
        loop {
            let key = console.keyboard.key().await?;
            let typed = self.key(key, console.router.dialect.unix, &mut line, &mut echo);
            if let Some(typed) = typed {
                console.print(&format!("{}\n", mask.repeat(line.len()))).await?;
                return Ok(typed);
            }
        }
    }

    /// Takes one key: changes the line, appends to the echo, and tells when the line is done.
    fn key(
        &mut self,
        key: u8,
        unix: bool,
        line: &mut Vec<u8>,
        echo: &mut Vec<u8>,
    ) -> Option<Typed> {
        let after_return = std::mem::replace(&mut self.after_return, key == b'\r');
        match key {
            b'\n' if after_return => {}
            b'\r' | b'\n' => {
                echo.extend(b"\r\n");
                return Some(Typed::Line(String::from_utf8_lossy(line).into_owned()));
            }
            CTRL_C => {
                echo.extend(if unix { &b"^C\r\n"[..] } else { b"\r\n" });
                return Some(Typed::Interrupt);
            }
            CTRL_D if unix && line.is_empty() => return Some(Typed::End),
            BACKSPACE | DELETE => {
                if line.pop().is_some() {
                    echo.extend(RUBOUT);
                }
            }
            CTRL_U => line.drain(..).for_each(|_| echo.extend(RUBOUT)),
            _ if key.is_ascii_control() => {}
            _ if line.len() == LINE_CHARS_MAX => echo.push(BELL),
            _ => {
                line.push(key);
                echo.push(key);
                if self.cursor_echo {
                    echo.extend(b" \x1b[1D");
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(editor: &mut Editor, keys: &[u8], unix: bool) -> (Vec<Typed>, String) {
        let (mut line, mut echo, mut typed) = (Vec::new(), Vec::new(), Vec::new());
        for key in keys {
            if let Some(done) = editor.key(*key, unix, &mut line, &mut echo) {
                typed.push(done);
                line.clear();
            }
        }
        (typed, String::from_utf8(echo).expect("text"))
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.to_owned())
    }

    #[test]
    fn a_line_ends_with_cr_or_lf_or_both() {
        for end in ["\r", "\n", "\r\n"] {
            let keys = format!("show{end}ping{end}");
            let (typed, echo) = typing(&mut Editor::new(false), keys.as_bytes(), false);
            assert_eq!(typed, [line("show"), line("ping")], "{end:?}");
            assert_eq!(echo, "show\r\nping\r\n", "{end:?}");
        }
    }

    #[test]
    fn a_line_can_be_corrected() {
        let (typed, echo) = typing(&mut Editor::new(false), b"ab\x7fc\x15d\r", false);
        assert_eq!(typed, [line("d")]);
        assert_eq!(echo, "ab\x08 \x08c\x08 \x08\x08 \x08d\r\n");
    }

    #[test]
    fn interrupts_and_ends_depend_on_the_shell() {
        let (typed, echo) = typing(&mut Editor::new(false), b"ab\x03\x04", true);
        assert_eq!(typed, [Typed::Interrupt, Typed::End]);
        assert_eq!(echo, "ab^C\r\n");
        let (typed, echo) = typing(&mut Editor::new(false), b"\x03\x04", false);
        assert_eq!((typed, echo.as_str()), (vec![Typed::Interrupt], "\r\n"));
    }

    #[test]
    fn the_cursor_may_move_over_each_echoed_character() {
        let (_, echo) = typing(&mut Editor::new(true), b"ab", false);
        assert_eq!(echo, "a \x1b[1Db \x1b[1D");
    }
}
