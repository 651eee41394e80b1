//! The terminal, taken over and given back.

use std::io::{self, StdoutLock, Write, stdout};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, queue, terminal};

use super::wish::Wish;
use crate::shutdown;

/// How many rows a page is.
const PAGE_ROWS: usize = 10;
/// The longest filter.
const FILTER_CHARS_MAX: usize = 64;

/// A terminal in raw mode, with a screen of its own, until this is dropped.
#[derive(Debug)]
pub(super) struct Terminal(());

/// What the operator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing, for as long as was waited.
    Nothing,
    /// Something that changes what is to be seen.
    Changed,
    /// He wants to leave.
    Quit,
}

impl Terminal {
    /// Takes it over. It is given back by a signal that ends the process, too.
    pub(super) fn take() -> io::Result<Self> {
        shutdown::clear_up_first(give_back)?;
        terminal::enable_raw_mode()?;
        let taken = Self(());
        execute!(stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(taken)
    }

    /// Columns and rows.
    pub(super) fn size() -> (usize, usize) {
        let (width, height) = terminal::size().unwrap_or((80, 24));
        (usize::from(width), usize::from(height))
    }

    /// Shows `screen` in place of what was there. Its last row does not end, so that nothing
    /// scrolls.
    pub(super) fn show(&mut self, screen: &str) -> io::Result<()> {
        let mut out = stdout().lock();
        queue!(out, cursor::MoveTo(0, 0))?;
        for (place, row) in screen.split_terminator("\r\n").enumerate() {
            if place > 0 {
                out.write_all(b"\r\n")?;
            }
            out.write_all(row.as_bytes())?;
            queue!(out, terminal::Clear(terminal::ClearType::UntilNewLine))?;
        }
        queue!(out, terminal::Clear(terminal::ClearType::FromCursorDown))?;
        out.flush()
    }

    /// Waits for the operator, and takes what he does into `wish`.
    pub(super) fn wait(&mut self, wish: &mut Wish, patience: Duration) -> io::Result<Act> {
        if !event::poll(patience)? {
            return Ok(Act::Nothing);
        }
        Ok(match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => pressed(key, wish),
            Event::Resize(..) => Act::Changed,
            _ => Act::Nothing,
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(give_back());
    }
}

/// Gives it back, and returns what nobody can write to it without. The mode comes first, because that
/// waits for nobody; a terminal that takes nothing keeps the rest waiting.
fn give_back() -> StdoutLock<'static> {
    terminal::disable_raw_mode().ok();
    let mut out = stdout().lock();
    execute!(out, cursor::Show, terminal::LeaveAlternateScreen).ok();
    out
}

fn pressed(key: KeyEvent, wish: &mut Wish) -> Act {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if is_control => return Act::Quit,
        KeyCode::Up => wish.skipped = wish.skipped.saturating_sub(1),
        KeyCode::Down => wish.skipped = wish.skipped.saturating_add(1),
        KeyCode::PageUp => wish.skipped = wish.skipped.saturating_sub(PAGE_ROWS),
        KeyCode::PageDown => wish.skipped = wish.skipped.saturating_add(PAGE_ROWS),
        KeyCode::Home => wish.skipped = 0,
        KeyCode::Esc => (wish.is_typing, wish.filter) = (false, String::new()),
        KeyCode::Enter => wish.is_typing = false,
        KeyCode::Backspace if wish.is_typing => drop(wish.filter.pop()),
        KeyCode::Char(c) if wish.is_typing => {
            if wish.filter.chars().count() < FILTER_CHARS_MAX && !c.is_control() {
                wish.filter.push(c);
            }
            wish.skipped = 0;
        }
        KeyCode::Char('q') => return Act::Quit,
        KeyCode::Char('s') => wish.order = wish.order.next(),
        KeyCode::Char('/') => wish.is_typing = true,
        _ => return Act::Nothing,
    }
    Act::Changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(wish: &mut Wish, keys: &str) -> Act {
        let press = |c| pressed(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE), wish);
        keys.chars().map(press).last().unwrap()
    }

    #[test]
    fn keys_are_commands_until_a_filter_is_typed() {
        let mut wish = Wish::default();
        assert_eq!(press(&mut wish, "/qs"), Act::Changed);
        assert_eq!((wish.filter.as_str(), wish.is_typing), ("qs", true));
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(pressed(enter, &mut wish), Act::Changed);
        assert_eq!(press(&mut wish, "q"), Act::Quit);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        wish.is_typing = true;
        assert_eq!(pressed(control_c, &mut wish), Act::Quit);
    }
}
