//! A live view of the running daemon.

mod terminal;
mod view;
mod wish;

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use self::terminal::{Act, Terminal};
use self::view::{LINES_PIPED_MAX, screen};
use self::wish::Wish;
use super::{Exit, daemon};
use crate::cli::TopArgs;
use crate::output::{Output, Paint};
use crate::status::Status;

/// How many lines the daemon is asked for: more than anybody scrolls through.
const LINES_ASKED: usize = 1000;
/// Wider than any row, for output that is not cut.
const WIDTH_PIPED: usize = 200;

/// Shows the daemon at work, again and again, or once when nobody watches.
pub(super) fn execute(args: &TopArgs) -> Result<Exit> {
    let socket = daemon::socket(&args.daemon)?;
    let paint = Paint::of_stdout();
    let is_watched = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || !is_watched {
        let status = daemon::status_at(&socket, Vec::new(), LINES_PIPED_MAX)?;
        let wish = Wish { filter: args.filter.clone().unwrap_or_default(), ..Wish::default() };
        Output::default().write(&screen(&status, &wish, WIDTH_PIPED, None, paint))?;
        return Ok(Exit::Ok);
    }
    // Before the screen is taken over: an error is to be read on the usual one.
    let first = daemon::status_at(&socket, Vec::new(), LINES_ASKED)?;
    watch(args, &socket, first, paint)?;
    Ok(Exit::Ok)
}

/// Until the operator leaves. A daemon that does not answer is shown as it was, with the reason.
fn watch(args: &TopArgs, socket: &Path, mut status: Status, paint: Paint) -> Result<()> {
    let mut terminal = Terminal::take().context("the terminal cannot be taken over")?;
    let mut wish = Wish { filter: args.filter.clone().unwrap_or_default(), ..Wish::default() };
    let mut trouble: Option<String> = None;
    let mut next = Instant::now() + args.interval;
    loop {
        let (width, height) = Terminal::size();
        let mut text = screen(&status, &wish, width, Some(height), paint);
        if let Some(trouble) = &trouble {
            let (rest, _) = text.trim_end().rsplit_once("\r\n").unwrap_or(("", ""));
            let said: String = trouble.chars().take(width).collect();
            text = format!("{rest}\r\n{}", paint.red(&said));
        }
        terminal.show(&text).context("the terminal is gone")?;
        let patience = next.saturating_duration_since(Instant::now());
        match terminal.wait(&mut wish, patience).context("the terminal is gone")? {
            Act::Quit => return Ok(()),
            Act::Changed => {}
            Act::Nothing if Instant::now() < next => {}
            Act::Nothing => {
                match daemon::status_at(socket, Vec::new(), LINES_ASKED) {
                    Ok(fresh) => (status, trouble) = (fresh, None),
                    Err(error) => trouble = Some(format!("{error:#}")),
                }
                next = Instant::now() + args.interval.max(INTERVAL_MIN);
            }
        }
    }
}

/// The daemon is not to be kept busy by whoever watches it.
const INTERVAL_MIN: Duration = Duration::from_millis(500);
