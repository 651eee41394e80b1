//! How the comparison looks to people.

use std::fmt::Write;

use super::line::{Comparison, Difference, shown};
use super::{Said, Summary};
use crate::report::Table;

/// How many lines without items are named.
const NAMED_MAX: usize = 5;

/// The comparison: lines, their first differences, and all together.
pub(crate) fn page(summary: &Summary, lines: &[Comparison]) -> String {
    let mut text = table(lines).to_string();
    if lines.iter().any(|line| !line.first.is_empty()) {
        write!(text, "\n{}", differences(lines)).ok();
    }
    text.push('\n');
    text.push_str(&together(summary));
    text
}

fn table(lines: &[Comparison]) -> Table {
    let mut table =
        Table::new(["LINE", "HERE", "THERE", "EQUAL", "DIFFERENT", "ONLY HERE", "ONLY THERE"]);
    for line in lines {
        let counts = [
            line.checks_here,
            line.checks_there,
            line.equal,
            line.different,
            line.only_here,
            line.only_there,
        ];
        let [here, there, equal, different, only_here, only_there] =
            counts.map(|count| count.to_string());
        table.row([line.line.clone(), here, there, equal, different, only_here, only_there]);
    }
    table
}

fn differences(lines: &[Comparison]) -> Table {
    let mut table = Table::new(["LINE", "TIME", "HERE", "THERE", "LATER", "REASON"]);
    let each = lines.iter().flat_map(|line| line.first.iter().map(move |one| (line, one)));
    for (line, difference) in each {
        let Difference { at, ours, theirs, later_ms, reason } = difference;
        let said =
            |said: &Option<Said>| said.as_ref().map_or_else(|| "-".to_owned(), Said::to_string);
        table.row([
            line.line.clone(),
            shown(*at),
            said(ours),
            said(theirs),
            later_ms.map_or_else(|| "-".to_owned(), |ms| format!("{} s", ms / 1000)),
            reason.map_or_else(|| "not known".to_owned(), |reason| reason.to_string()),
        ]);
    }
    table
}

fn together(summary: &Summary) -> String {
    let Summary { from, till, lines, checks_here, checks_there, .. } = summary;
    let Summary { equal, different, only_here, only_there, .. } = summary;
    let mut text = format!(
        "{from} to {till}: {lines} lines, {checks_here} checks here and {checks_there} there\n\
         {equal} equal, {different} different, {only_here} only here, {only_there} only there\n"
    );
    let known = summary.reasons.iter().map(|(reason, count)| (*count, reason.to_string()));
    let unknown = (summary.unexplained, "for no known reason: look at these".to_owned());
    for (count, reason) in known.chain([unknown]).filter(|(count, _)| *count > 0) {
        writeln!(text, "  {count} {reason}").ok();
    }
    if summary.left_out > 0 {
        let count = summary.left_out;
        writeln!(
            text,
            "left out: {count} outcomes of second looks, requests, interfaces and stops"
        )
        .ok();
    }
    if summary.reported_here > 0 {
        let count = summary.reported_here;
        writeln!(text, "left out: {count} values that monitord reported itself").ok();
    }
    let without = &summary.without_items;
    if !without.is_empty() {
        let named = without.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>();
        let more = if without.len() > NAMED_MAX { ", ..." } else { "" };
        let (count, named) = (without.len(), named.join(", "));
        writeln!(text, "left out: {count} lines without such items in Zabbix: {named}{more}").ok();
    }
    text
}
