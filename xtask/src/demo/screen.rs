//! The table of lines, drawn over and over on a terminal, or once when piped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Write, stdout};

use anyhow::Result;
use crossterm::style::Stylize;
use crossterm::{cursor, queue, terminal};

use super::status::{Line, Router, Status};

/// Narrower terminals are not shown platform and target, so that causes can be read.
const WIDTH_OF_ALL_COLUMNS: usize = 140;

pub(super) struct Screen {
    live: bool,
}

impl Screen {
    pub(super) fn new(live: bool) -> Self {
        Self { live }
    }

    /// Draws the table over the last one, as much of it as fits on the terminal.
    pub(super) fn draw(&mut self, status: &Status) -> Result<()> {
        let (width, height) = terminal::size()?;
        let text = render(status, usize::from(width), self.live);
        let mut out = stdout().lock();
        queue!(out, cursor::MoveTo(0, 0), terminal::Clear(terminal::ClearType::FromCursorDown))?;
        for line in text.lines().take(usize::from(height).saturating_sub(2)) {
            writeln!(out, "{line}")?;
        }
        write!(out, "Ctrl-C ends the demo.")?;
        Ok(out.flush()?)
    }

    /// Leaves the last table on the screen, with every line; piped, also with every cause whole.
    pub(super) fn finish(&mut self, status: &Status) -> Result<()> {
        let mut out = stdout().lock();
        let mut width = usize::MAX;
        if self.live {
            let clear = terminal::Clear(terminal::ClearType::FromCursorDown);
            queue!(out, cursor::MoveTo(0, 0), clear)?;
            width = usize::from(terminal::size()?.0);
        }
        write!(out, "{}", render(status, width, self.live))?;
        Ok(out.flush()?)
    }
}

fn render(status: &Status, width: usize, coloured: bool) -> String {
    let pools: BTreeMap<_, _> =
        status.routers.iter().map(|router| (router.router.as_str(), pool_use(router))).collect();
    let wide = width >= WIDTH_OF_ALL_COLUMNS;
    let line_width = status.lines.iter().map(|line| line.line.len()).max().unwrap_or(0);
    let mut text = summary(status);
    text.push_str(&Row::HEAD.render(line_width, wide));
    text.push('\n');
    for line in &status.lines {
        let pool = pools.get(line.router.as_str()).map_or("", String::as_str);
        let row = Row::of(line, pool).render(line_width, wide);
        let row: String = row.chars().take(width.saturating_sub(1)).collect();
        text.push_str(&if coloured { colour(&line.state, row) } else { row });
        text.push('\n');
    }
    text
}

/// The cells of a row, as text.
struct Row<'a> {
    state: &'a str,
    line: &'a str,
    platform: &'a str,
    target: &'a str,
    loss: Cow<'a, str>,
    rtt: Cow<'a, str>,
    pool: &'a str,
    cause: &'a str,
}

impl<'a> Row<'a> {
    const HEAD: Row<'static> = Row {
        state: "STATE",
        line: "LINE",
        platform: "PLATFORM",
        target: "TARGET",
        loss: Cow::Borrowed("LOSS"),
        rtt: Cow::Borrowed("RTT"),
        pool: "POOL",
        cause: "CAUSE",
    };

    fn of(line: &'a Line, pool: &'a str) -> Self {
        Self {
            state: &line.state,
            line: &line.line,
            platform: &line.platform,
            target: &line.target,
            loss: line.loss_pct.map_or("-".into(), |loss| format!("{loss:.0}%").into()),
            rtt: line.rtt_avg_ms.map_or("-".into(), |rtt| format!("{rtt:.1} ms").into()),
            pool,
            cause: line.last_error.as_deref().unwrap_or(""),
        }
    }

    fn render(&self, line_width: usize, wide: bool) -> String {
        let Self { state, line, platform, target, loss, rtt, pool, cause } = self;
        let where_to = if wide { format!("{platform:<12} {target:<14} ") } else { String::new() };
        format!("{state:<9} {line:<line_width$} {where_to}{loss:>5} {rtt:>8}  {pool:<16} {cause}")
    }
}

fn summary(status: &Status) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &status.lines {
        *states.entry(&line.state).or_default() += 1;
    }
    let states: Vec<_> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let sessions: usize = status.routers.iter().map(|r| r.in_use + r.idle).sum();
    format!(
        "monitord demo: {} lines on {} routers ({}), {sessions} sessions open\n\n",
        status.lines.len(),
        status.routers.len(),
        states.join(", ")
    )
}

/// Sessions in use and idle of those allowed, and whatever is out of the ordinary.
fn pool_use(router: &Router) -> String {
    let mut text = format!("{}+{}/{}", router.in_use, router.idle, router.max);
    let others = [("new", router.creating), ("end", router.closing), ("wait", router.waiting)];
    for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!(" {count}{name}"));
    }
    text
}

fn colour(state: &str, row: String) -> String {
    let styled = match state {
        "up" => row.green(),
        "degraded" => row.yellow(),
        "down" | "failed" => row.red(),
        _ => row.dim(),
    };
    styled.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_its_state_figures_pool_and_cause() {
        let status = serde_json::json!({
            "lines": [
                { "line": "L1", "router": "edge-1", "platform": "linux", "target": "198.51.100.1",
                  "last_result": "up", "loss_pct": 20.0, "rtt_avg_ms": 1.25, "last_error": null },
                { "line": "L2", "router": "edge-2", "platform": "linux", "target": "203.0.113.1",
                  "last_result": "failed", "loss_pct": null, "rtt_avg_ms": null,
                  "last_error": "Connect: refused" },
            ],
            "routers": [
                { "router": "edge-1", "in_use": 1, "idle": 1, "creating": 0, "closing": 0,
                  "waiting": 3, "max": 2 },
            ],
        });
        let text = render(&serde_json::from_value(status).unwrap(), 200, false);
        let rows: Vec<_> = text.lines().collect();
        assert!(rows[0].contains("2 lines on 1 routers (1 failed, 1 up), 2 sessions open"));
        for part in ["up", "20%", "1.2 ms", "1+1/2 3wait"] {
            assert!(rows[3].contains(part), "{part} in {}", rows[3]);
        }
        assert!(rows[4].ends_with("Connect: refused"), "{}", rows[4]);
    }
}
