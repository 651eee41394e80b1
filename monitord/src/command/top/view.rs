//! What is on the screen: text of a moment, for a terminal of some size.

use std::fmt::Write;

use crate::output::Paint;
use crate::report::plain;
use crate::status::{LineView, RouterView, Status};

/// Lines shown when nobody limits them.
pub(super) const LINES_PIPED_MAX: usize = 50;

/// How lines are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Those first that need to be looked at, as the daemon tells them.
    #[default]
    Worst,
    Name,
    Router,
    Rtt,
}

impl Order {
    /// The next one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Worst => Self::Name,
            Self::Name => Self::Router,
            Self::Router => Self::Rtt,
            Self::Rtt => Self::Worst,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Name => "by name",
            Self::Router => "by router",
            Self::Rtt => "by RTT",
        }
    }
}

/// What the operator wants to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) order: Order,
    /// Only what has this in its line, router, target or state.
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) is_typing: bool,
    /// How many rows are scrolled away.
    pub(super) skipped: usize,
}

/// A screen of `width` columns and `height` rows; without a height, everything.
pub(super) fn screen(
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
    rows.push(paint.dim(&cut(&line_row(HEADS, width), width)));
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

/// `row` in at most `width` columns, whatever colours are in it. Colours behind what is cut off
/// stay, because one of them is the end of those before.
fn clip(row: &str, width: usize) -> String {
    let (mut clipped, mut columns, mut is_colour) = (String::with_capacity(row.len()), 0, false);
    for c in row.chars() {
        is_colour |= c == '\u{1b}';
        columns += usize::from(!is_colour);
        if is_colour || columns <= width {
            clipped.push(c);
        }
        // A colour ends with the letter that says it is one.
        is_colour &= c != 'm';
    }
    clipped.trim_end().to_owned()
}

fn cut(row: &str, width: usize) -> String {
    row.chars().take(width).collect::<String>().trim_end().to_owned()
}

fn head(status: &Status, paint: Paint) -> Vec<String> {
    let Status { totals, process, fleet, .. } = status;
    let of = |states: &std::collections::BTreeMap<String, usize>, name: &str| {
        states.get(name).copied().unwrap_or(0)
    };
    let state = |name: &str| of(&totals.states, name);
    let colour = |count: usize, text: String| match count {
        0 => text,
        _ => paint.red(&text),
    };
    let (down, unknown) = (state("down"), state("unknown"));
    let unreachable = of(&totals.router_states, "unreachable");
    let time = process.now.get(11..19).unwrap_or("-");
    let mut rows = vec![
        format!(
            "{} {}  pid {}  {time} UTC  {} outcomes",
            paint.bold("monitord"),
            process.version,
            process.pid,
            totals.outcomes
        ),
        format!(
            "lines   {:>6}  up {}  degraded {}  {}  unknown {unknown}",
            totals.lines,
            state("up"),
            state("degraded"),
            colour(down, format!("down {down}")),
        ),
        format!(
            "routers {:>6}  {}  short {}  sessions {}{}  waiting {}  logins {}",
            totals.routers,
            colour(unreachable, format!("unreachable {unreachable}")),
            status.routers.iter().filter(|router| router.short).count(),
            fleet.sessions,
            fleet.sessions_max.map_or_else(String::new, |max| format!("/{max}")),
            status.routers.iter().map(|router| router.waiting).sum::<usize>(),
            fleet.logins_in_flight,
        ),
    ];
    rows.push(delivery(status, paint));
    for source in &status.inventory {
        if let Some(trouble) = &source.trouble {
            rows.push(paint.red(&cut(&plain(&format!("{}: {trouble}", source.source)), 78)));
        }
    }
    rows
}

/// Spool and Zabbix in one row.
fn delivery(status: &Status, paint: Paint) -> String {
    let mut text = String::new();
    match &status.spool {
        None => text.push_str("nothing is delivered to anybody"),
        Some(spool) => {
            let kind = if spool.is_durable { "on disk" } else { "in memory" };
            write!(text, "spool   {:>6}  {kind}", kib(spool.size_bytes)).ok();
            for sink in &spool.sinks {
                let held =
                    if sink.held > 0 { format!(", {} held", sink.held) } else { String::new() };
                write!(text, "  {} {} pending{held}", sink.sink, sink.pending).ok();
            }
        }
    }
    if let Some(trouble) = status.zabbix.as_ref().and_then(|zabbix| zabbix.trouble.as_deref()) {
        let short: String = plain(trouble).chars().take(30).collect();
        text += &format!("  {}", paint.red(&format!("zabbix: {short}")));
    }
    text
}

fn kib(bytes: i64) -> String {
    format!("{}K", bytes / 1024)
}

/// The routers that need to be looked at, as many as there is room for, under their heads.
fn routers(status: &Status, wish: &Wish, max: Option<usize>) -> Vec<String> {
    let filter = wish.filter.as_str();
    let fits = |router: &&RouterView| filter.is_empty() || router.router.contains(filter);
    let mut rows = vec![format!(
        "{:<20} {:<11} {:>4} {:>4} {:>4} {:>4} {:>5}  {}",
        "ROUTER", "STATE", "USE", "IDLE", "MAX", "WAIT", "LINES", "TROUBLE"
    )];
    let real = status.routers.iter().filter(|router| !router.address.is_empty());
    let shown = real.filter(fits).take(max.map_or(LINES_PIPED_MAX, |max| max.max(1)));
    rows.extend(shown.map(|router| {
        format!(
            "{:<20} {:<11} {:>4} {:>4} {:>4} {:>4} {:>5}  {}",
            short(&router.router, 20),
            router.state,
            router.in_use,
            router.idle,
            router.max,
            router.waiting,
            router.lines,
            trouble(router)
        )
    }));
    rows
}

fn trouble(router: &RouterView) -> String {
    match (router.gates.first(), &router.shortage) {
        (Some(gate), _) => plain(&gate.last_error),
        (None, Some(shortage)) => shortage.clone(),
        (None, None) => String::new(),
    }
}

/// The lines that are wanted, in the order that is wanted.
fn lines<'a>(status: &'a Status, wish: &Wish) -> Vec<&'a LineView> {
    let filter = wish.filter.as_str();
    let has = |text: &str| text.contains(filter);
    let mut lines: Vec<_> = status
        .lines
        .iter()
        .filter(|l| has(&l.line) || has(&l.router) || has(&l.target) || has(&l.last_result))
        .collect();
    match wish.order {
        Order::Worst => {}
        Order::Name => lines.sort_by(|a, b| a.line.cmp(&b.line)),
        Order::Router => lines.sort_by(|a, b| (&a.router, &a.line).cmp(&(&b.router, &b.line))),
        Order::Rtt => {
            let rtt = |line: &LineView| line.rtt_avg_ms.unwrap_or(-1.0);
            lines.sort_by(|a, b| rtt(b).total_cmp(&rtt(a)));
        }
    }
    lines
}

const HEADS: [&str; 7] = ["STATE", "LINE", "ROUTER", "TARGET", "LOSS", "RTT", "CAUSE"];

/// Narrower terminals are not shown the target, so that causes can be read.
const WIDTH_WITH_TARGET: usize = 110;

fn line_row(cells: [&str; 7], width: usize) -> String {
    let [state, line, router, target, loss, rtt, cause] = cells;
    let (line, router, target) = (short(line, 16), short(router, 14), short(target, 15));
    let target = if width < WIDTH_WITH_TARGET { String::new() } else { format!(" {target:<15}") };
    format!("{state:<9} {line:<16} {router:<14}{target} {loss:>5} {rtt:>8}  {cause}")
}

fn row_of(line: &LineView, width: usize) -> String {
    let loss = line.loss_pct.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.0}%"));
    let rtt = line.rtt_avg_ms.map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1} ms"));
    let cause = plain(line.last_error.as_deref().unwrap_or(""));
    let (state, id) = (line.last_result.as_str(), line.line.as_str());
    line_row([state, id, &line.router, &line.target, &loss, &rtt, &cause], width)
}

/// `text` in so many columns, with a mark where it is cut.
fn short(text: &str, columns: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= columns {
        return text;
    }
    text.chars().take(columns.saturating_sub(1)).chain(['~']).collect()
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
    fn colours_take_no_room_and_end_where_they_are_cut() {
        assert_eq!(clip("\u{1b}[31mabcdef\u{1b}[0m", 3), "\u{1b}[31mabc\u{1b}[0m");
        assert_eq!(clip("abc   ", 5), "abc");
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
