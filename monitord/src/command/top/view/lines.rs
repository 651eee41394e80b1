use super::super::wish::{Order, Wish};
use super::width::short;
use crate::report::plain;
use crate::status::{LineView, Status};

/// What stands over the columns.
const HEADS: [&str; 7] = ["STATE", "LINE", "ROUTER", "TARGET", "LOSS", "RTT", "CAUSE"];

/// Narrower terminals are not shown the target, so that causes can be read.
const WIDTH_WITH_TARGET: usize = 110;

/// The lines that are wanted, in the order that is wanted.
pub(super) fn lines<'a>(status: &'a Status, wish: &Wish) -> Vec<&'a LineView> {
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

/// The row over those of the lines.
pub(super) fn heads(width: usize) -> String {
    line_row(HEADS, width)
}

/// The cells of a row.
fn line_row(cells: [&str; 7], width: usize) -> String {
    let [state, line, router, target, loss, rtt, cause] = cells;
    let (line, router, target) = (short(line, 16), short(router, 14), short(target, 15));
    let target = if width < WIDTH_WITH_TARGET { String::new() } else { format!(" {target:<15}") };
    format!("{state:<9} {line:<16} {router:<14}{target} {loss:>5} {rtt:>8}  {cause}")
}

/// A line as a row.
pub(super) fn row_of(line: &LineView, width: usize) -> String {
    let loss = line.loss_pct.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.0}%"));
    let rtt = line.rtt_avg_ms.map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1} ms"));
    let cause = plain(line.last_error.as_deref().unwrap_or(""));
    let (state, id) = (line.last_result.as_str(), line.line.as_str());
    line_row([state, id, &line.router, &line.target, &loss, &rtt, &cause], width)
}
