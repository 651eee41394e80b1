//! What is on the screen: text of a moment, for a terminal of some size.

mod head;
mod lines;
mod routers;
mod width;

use self::head::head;
use self::lines::{heads, lines, row_of};
use self::routers::routers;
use self::width::{clip, cut};
use super::wish::Wish;
use crate::output::Paint;
use crate::status::Status;

/// Lines shown when nobody limits them.
pub(in crate::command::top) const LINES_PIPED_MAX: usize = 50;

/// A screen of `width` columns and `height` rows; without a height, everything.
pub(in crate::command::top) fn screen(
    status: &Status,
    wish: &Wish,
    width: usize,
    height: Option<usize>,
    paint: Paint,
) -> String {
    let mut rows = head(status, paint);
    let routers = routers(status, wish, height.map(|height| height / 4));
    rows.extend(routers.iter().enumerate().map(|(place, row)| match place {
        0 => paint.dim(&cut(row, width)),
        _ => cut(row, width),
    }));
    rows.push(String::new());
    let foot = height.map(|_| foot(wish));
    let room = height.map(|height| height.saturating_sub(rows.len() + 2));
    let lines = lines(status, wish);
    let shown = lines.len().min(room.unwrap_or(LINES_PIPED_MAX));
    let skipped = wish.skipped.min(lines.len().saturating_sub(shown));
    rows.push(paint.dim(&cut(&heads(width), width)));
    for line in &lines[skipped..skipped + shown] {
        let row = cut(&row_of(line, width), width);
        rows.push(match line.last_result.as_str() {
            "down" | "failed" => paint.red(&row),
            "degraded" => paint.yellow(&row),
            "up" => row,
            _ => paint.dim(&row),
        });
    }
    if let Some(foot) = foot {
        rows.resize(height.unwrap_or(0).saturating_sub(1), String::new());
        rows.push(paint.dim(&cut(&foot, width)));
    }
    // In raw mode a line feed does not bring the cursor back.
    let end = if height.is_some() { "\r\n" } else { "\n" };
    rows.iter().map(|row| clip(row, width) + end).collect()
}

fn foot(wish: &Wish) -> String {
    if wish.is_typing {
        return format!("filter: {}_   (Enter keeps it, Esc clears it)", wish.filter);
    }
    let filter = match wish.filter.as_str() {
        "" => "/ filter".to_owned(),
        filter => format!("/ filter ({filter})"),
    };
    format!("q quit   s sort ({})   {filter}   arrows, PgUp, PgDn scroll", wish.order.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wish::Order;
    use super::*;

    fn status() -> Status {
        let line = |id: &str, result: &str| {
            json!({ "line": id, "router": "edge-1", "target": "198.51.100.1", "state": result,
                    "last_result": result, "loss_pct": 0.0, "rtt_avg_ms": 1.25 })
        };
        let lines: Vec<_> = (0..100).map(|n| line(&format!("L{n:03}"), "up")).collect();
        serde_json::from_value(json!({
            "lines": lines,
            "routers": [{ "router": "edge-1", "address": "192.0.2.1:22", "state": "reachable",
                          "lines": 100, "max": 2 }],
            "totals": { "lines": 100, "routers": 1, "states": { "up": 100 } },
            "process": { "version": "0.1.0", "pid": 7, "now": "2026-11-22T08:00:00.000Z" },
        }))
        .unwrap()
    }

    #[test]
    fn a_screen_fits_its_terminal_and_its_last_row_says_the_keys() {
        for (width, height) in [(80, 24), (40, 12), (200, 60)] {
            let text = screen(&status(), &Wish::default(), width, Some(height), Paint::default());
            let rows: Vec<_> = text.split_terminator("\r\n").collect();
            assert_eq!(rows.len(), height, "{width} by {height}:\n{text}");
            let too_wide = rows.iter().find(|row| row.chars().count() > width);
            assert_eq!(too_wide, None, "{text}");
            assert!(rows[height - 1].starts_with("q quit"), "{text}");
        }
    }

    #[test]
    fn lines_are_filtered_sorted_and_scrolled() {
        let wish = Wish { filter: "L09".to_owned(), order: Order::Name, ..Wish::default() };
        let text = screen(&status(), &wish, 80, None, Paint::default());
        assert_eq!(text.matches("L09").count(), 10, "{text}");
        let wish = Wish { skipped: 1000, ..Wish::default() };
        let text = screen(&status(), &wish, 80, Some(24), Paint::default());
        assert!(text.contains("L099") && !text.contains("L000"), "{text}");
    }
}
