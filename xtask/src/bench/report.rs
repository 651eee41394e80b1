use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

/// One figure, of every contestant.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) bench: &'static str,
    pub(super) case: Cow<'static, str>,
    pub(super) unit: &'static str,
    pub(super) ours: f64,
    pub(super) floor: f64,
    pub(super) peers: BTreeMap<&'static str, f64>,
    #[serde(skip)]
    pub(super) target: Option<Target>,
}

/// What ours is to reach.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// At most this many times the floor.
    TimesFloorMax(f64),
    Max(f64),
    Min(f64),
}

impl Target {
    fn is_met(self, ours: f64, floor: f64) -> bool {
        match self {
            Self::TimesFloorMax(times) => ours <= floor * times,
            Self::Max(max) => ours <= max,
            Self::Min(min) => ours >= min,
        }
    }

    /// What is to be reached, and whether it is.
    pub(super) fn verdict(self, ours: f64, floor: f64) -> String {
        let verdict = if self.is_met(ours, floor) { "met" } else { "MISSED" };
        format!("{}: {verdict}", self.describe())
    }

    fn describe(self) -> String {
        match self {
            Self::TimesFloorMax(times) => format!("<= {times} x floor"),
            Self::Max(max) => format!("<= {max}"),
            Self::Min(min) => format!(">= {min}"),
        }
    }
}

/// One JSON object a line.
pub(super) fn json_lines(rows: &[Row]) -> Result<String> {
    let lines: Vec<_> = rows.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    Ok(lines.iter().fold(String::new(), |text, line| text + line + "\n"))
}

/// A table for people, with the targets beside the figures.
pub(super) fn table(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let mut head = vec!["case", "unit", "ours", "floor", "ours/floor"];
    head.extend(first.peers.keys());
    head.push("target");
    let head = head.into_iter().map(str::to_owned).collect();
    let lines: Vec<Vec<String>> =
        std::iter::once(head).chain(rows.iter().map(|row| cells(row, &first.peers))).collect();
    let width_of = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..lines[0].len()).map(width_of).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            // Words to the left, figures to the right.
            let is_word = column < 2 || column + 1 == line.len();
            if is_word { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        writeln!(text, "{}", line.trim_end()).expect("writing to a string cannot fail");
    }
    text
}

/// The cells of a row, with one for each of the `named` peers, also where it was not measured.
fn cells(row: &Row, named: &BTreeMap<&'static str, f64>) -> Vec<String> {
    let Row { case, unit, ours, floor, peers, target, .. } = row;
    let ratio = if *floor > 0.0 { format!("{:.2}", ours / floor) } else { "-".to_owned() };
    let mut cells =
        vec![case.clone().into_owned(), (*unit).to_owned(), figure(*ours), figure(*floor)];
    cells.push(ratio);
    let figure_of = |name| peers.get(name).map_or_else(|| "-".to_owned(), |value| figure(*value));
    cells.extend(named.keys().map(figure_of));
    cells.push(target.map_or_else(String::new, |target| target.verdict(*ours, *floor)));
    cells
}

/// As many digits as a shared machine allows to compare.
fn figure(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        small if small < 10.0 => format!("{small:.3}"),
        middle if middle < 100.0 => format!("{middle:.1}"),
        large => format!("{large:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, target: Target) -> Row {
        let peers = BTreeMap::from([("other", 250.0)]);
        let target = Some(target);
        Row { bench: "pool", case: "some".into(), unit: "ns", ours, floor: 100.0, peers, target }
    }

    #[test]
    fn a_target_says_whether_it_is_met() {
        let met = table(&[row(150.0, Target::TimesFloorMax(1.5))]);
        assert!(met.ends_with("<= 1.5 x floor: met\n"), "{met}");
        let missed = table(&[row(151.0, Target::TimesFloorMax(1.5))]);
        assert!(missed.ends_with("<= 1.5 x floor: MISSED\n"), "{missed}");
        assert!(table(&[row(0.98, Target::Min(0.99))]).contains("MISSED"));
        assert!(table(&[row(0.0, Target::Max(0.0))]).contains("met"));
    }

    #[test]
    fn a_row_is_one_line_of_json_without_its_target() {
        let line = json_lines(&[row(150.0, Target::Max(9.0))]).unwrap();
        let expected = r#"{"bench":"pool","case":"some","unit":"ns","ours":150.0,"floor":100.0,"peers":{"other":250.0}}"#;
        assert_eq!(line.trim_end(), expected);
    }
}
