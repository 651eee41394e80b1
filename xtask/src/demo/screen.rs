//! The table of lines, drawn over and over on a terminal, or once when piped.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use anyhow::Result;
use crossterm::style::Stylize;
use crossterm::{cursor, queue, terminal};

use super::status::{Line, Router, Status};

/// Used where the terminal does not tell its size.
const WIDTH_DEFAULT: usize = 120;

pub(super) struct Screen {
    live: bool,
}

impl Screen {
    pub(super) fn new(live: bool) -> Self {
        Self { live }
    }

    /// Draws the table over the last one.
    pub(super) fn draw(&mut self, status: &Status) -> Result<()> {
        let mut out = stdout().lock();
        queue!(out, cursor::MoveTo(0, 0), terminal::Clear(terminal::ClearType::FromCursorDown))?;
        let (width, height) = terminal::size()
            .map_or((WIDTH_DEFAULT, usize::MAX), |(w, h)| (usize::from(w), usize::from(h)));
        for line in render(status, width, self.live).lines().take(height.saturating_sub(2)) {
            writeln!(out, "{line}")?;
        }
        write!(out, "Ctrl-C ends the demo.")?;
        Ok(out.flush()?)
    }

    /// Leaves the last table on the screen, whole.
    pub(super) fn finish(&mut self, status: &Status) -> Result<()> {
        let mut out = stdout().lock();
        if self.live {
            let clear = terminal::Clear(terminal::ClearType::FromCursorDown);
            queue!(out, cursor::MoveTo(0, 0), clear)?;
        }
        let width = terminal::size().map_or(WIDTH_DEFAULT, |(w, _)| usize::from(w));
        write!(out, "{}", render(status, width.max(80), self.live))?;
        Ok(out.flush()?)
    }
}

fn render(status: &Status, width: usize, coloured: bool) -> String {
    let routers: BTreeMap<_, _> = status.routers.iter().map(|r| (r.router.as_str(), r)).collect();
    let mut text = summary(status);
    text.push_str(&format!(
        "{:<9} {:<22} {:<14} {:<16} {:>6} {:>9}  {:<12} CAUSE\n",
        "STATE", "LINE", "PLATFORM", "TARGET", "LOSS", "RTT", "POOL"
    ));
    for line in &status.lines {
        let pool = routers.get(line.router.as_str()).map_or_else(String::new, |r| pool_use(r));
        let row = row(line, &pool);
        let row: String = row.chars().take(width.saturating_sub(1)).collect();
        text.push_str(&if coloured { colour(&line.state, row) } else { row });
        text.push('\n');
    }
    text
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

fn row(line: &Line, pool: &str) -> String {
    let loss = line.loss_pct.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.0}%"));
    let rtt = line.rtt_avg_ms.map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1} ms"));
    let cause = line.last_error.as_deref().unwrap_or("");
    let Line { state, line: id, platform, target, .. } = line;
    format!(
        "{state:<9} {id:<22} {platform:<14} {target:<16} {loss:>6} {rtt:>9}  {pool:<12} {cause}"
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
                  "state": "up", "loss_pct": 20.0, "rtt_avg_ms": 1.25, "last_error": null },
                { "line": "L2", "router": "edge-2", "platform": "linux", "target": "203.0.113.1",
                  "state": "failed", "loss_pct": null, "rtt_avg_ms": null,
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
