//! Several inventories made one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use crate::diff::{line_fields, router_fields};
use crate::{Inventory, Line, LineId, Router, RouterName, Subject};

/// How many lines a message names.
const LINES_NAMED_MAX: usize = 5;

/// Several inventories as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// What counts.
    pub inventory: Inventory,
    /// What two sources say differently.
    pub conflicts: Vec<Conflict>,
}

/// Something that is declared twice, and not in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What is declared twice.
    pub subject: Subject,
    /// In what the declarations differ.
    pub fields: Vec<&'static str>,
    /// The source whose declaration counts.
    pub kept: String,
    /// The source whose declaration does not.
    pub ignored: String,
    /// The lines of the ignored source that are checked by the other declaration.
    pub lines: Vec<LineId>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, fields, kept, ignored, lines } = self;
        let fields = fields.join(", ");
        write!(f, "{subject}: {kept} and {ignored} differ in {fields}: what {kept} says counts")?;
        let named: Vec<_> = lines.iter().take(LINES_NAMED_MAX).map(LineId::as_str).collect();
        if !named.is_empty() {
            write!(f, "; of {ignored} this concerns {}", named.join(", "))?;
        }
        match lines.len().saturating_sub(LINES_NAMED_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Makes one inventory of several. What an earlier one declares counts, whole: a router or line is
/// never made of parts of two declarations. Within one inventory the first declaration counts. The
/// result depends on nothing else, so that it is the same every time.
pub fn merge<'a>(sources: impl IntoIterator<Item = (&'a str, &'a Inventory)>) -> Merged {
    let mut merging = Merging::default();
    for (source, inventory) in sources {
        merging.add(source, inventory);
    }
    merging.merged
}

#[derive(Debug, Default)]
struct Merging<'a> {
    merged: Merged,
    routers: HashMap<RouterName, (&'a str, usize)>,
    lines: HashMap<LineId, (&'a str, usize)>,
}

impl<'a> Merging<'a> {
    fn add(&mut self, source: &'a str, inventory: &'a Inventory) {
        for router in &inventory.routers {
            self.add_router(source, router, &inventory.lines);
        }
        for line in &inventory.lines {
            self.add_line(source, line);
        }
    }

    fn add_router(&mut self, source: &'a str, router: &Router, lines: &[Line]) {
        let known = &mut self.merged.inventory.routers;
        let (kept, place) = match self.routers.entry(router.name.clone()) {
            Entry::Vacant(free) => {
                free.insert((source, known.len()));
                return known.push(router.clone());
            }
            Entry::Occupied(taken) => *taken.get(),
        };
        let fields: Vec<_> =
            router_fields(&known[place], router).into_iter().map(|field| field.as_str()).collect();
        if !fields.is_empty() {
            let lines = lines.iter().filter(|line| line.router == router.name);
            self.merged.conflicts.push(Conflict {
                subject: Subject::Router(router.name.to_string()),
                fields,
                kept: kept.to_owned(),
                ignored: source.to_owned(),
                lines: lines.map(|line| line.id.clone()).collect(),
            });
        }
    }

    fn add_line(&mut self, source: &'a str, line: &Line) {
        let known = &mut self.merged.inventory.lines;
        let (kept, place) = match self.lines.entry(line.id.clone()) {
            Entry::Vacant(free) => {
                free.insert((source, known.len()));
                return known.push(line.clone());
            }
            Entry::Occupied(taken) => *taken.get(),
        };
        let mut fields: Vec<_> =
            line_fields(&known[place], line).into_iter().map(|field| field.as_str()).collect();
        if known[place].router != line.router {
            fields.push("router");
        }
        if !fields.is_empty() {
            self.merged.conflicts.push(Conflict {
                subject: Subject::Line(line.id.to_string()),
                fields,
                kept: kept.to_owned(),
                ignored: source.to_owned(),
                lines: Vec::new(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use pool_core::Credentials;

    use super::*;
    use crate::testing::{line, router};

    #[test]
    fn what_the_earlier_source_says_counts_and_the_conflict_is_told_with_its_lines() {
        let first =
            Inventory { routers: vec![router("edge-1")], lines: vec![line("L1", "edge-1")] };
        let mut other = router("edge-1");
        other.connection.credentials = Credentials::password("monitor", "hunter2".to_owned());
        let mut slower = line("L1", "edge-1");
        slower.interval = crate::Interval::DEFAULT;
        let lines = vec![slower, line("L2", "edge-1"), line("L3", "edge-2")];
        let second = Inventory { routers: vec![other, router("edge-2")], lines };
        let merged = merge([("file", &first), ("zabbix", &second)]);
        assert_eq!(merged, merge([("file", &first), ("zabbix", &second)]));
        assert_eq!(merged.inventory.routers, [router("edge-1"), router("edge-2")]);
        let lines = [line("L1", "edge-1"), line("L2", "edge-1"), line("L3", "edge-2")];
        assert_eq!(merged.inventory.lines, lines);
        let told: Vec<_> = merged.conflicts.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "router edge-1: file and zabbix differ in credentials: what file says counts; of \
                 zabbix this concerns L1, L2",
                "line L1: file and zabbix differ in interval: what file says counts",
            ]
        );
    }

    #[test]
    fn the_same_said_twice_is_no_conflict() {
        let same = Inventory { routers: vec![router("edge-1")], lines: vec![line("L1", "edge-1")] };
        let merged = merge([("a", &same), ("b", &same)]);
        assert_eq!((merged.inventory, merged.conflicts), (same, vec![]));
    }
}
