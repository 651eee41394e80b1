//! What has to change so that what runs is what is declared: a pure comparison.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::{Inventory, Line, LineId, Router, RouterName};

/// How one inventory differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryDiff {
    /// The routers that differ.
    pub routers: Vec<RouterChange>,
    /// The lines that differ.
    pub lines: Vec<LineChange>,
}

/// How a router with lines differs. A router without lines is as good as none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterChange {
    /// The router.
    pub router: RouterName,
    /// How it differs.
    pub change: Change<RouterField>,
}

/// How a line differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// The line.
    pub line: LineId,
    /// How it differs.
    pub change: Change<LineField>,
}

/// What became of something that is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<F> {
    /// It is new.
    Added,
    /// It is not there any more.
    Removed,
    /// It is there with other settings: in these fields, at least one.
    Changed(Vec<F>),
}

/// A part of a router's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterField {
    /// Where it listens.
    Endpoint,
    /// Whose command line it has.
    Platform,
    /// How commands reach it.
    Protocol,
    /// Who logs in, and with what.
    Credentials,
    /// Timeouts, numbers of sessions, host keys, algorithms.
    Limits,
}

/// A part of a line's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineField {
    /// The router it is checked from.
    Router,
    /// Its far end.
    Target,
    /// Time between two checks.
    Interval,
    /// How it is pinged.
    Ping,
}

impl InventoryDiff {
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.routers.is_empty() && self.lines.is_empty()
    }

    /// How many lines were added, removed and changed.
    pub fn line_counts(&self) -> (usize, usize, usize) {
        counts(self.lines.iter().map(|line| &line.change))
    }

    /// How many routers were added, removed and changed.
    pub fn router_counts(&self) -> (usize, usize, usize) {
        counts(self.routers.iter().map(|router| &router.change))
    }
}

impl fmt::Display for InventoryDiff {
    /// `lines +1 -0 ~3, routers +0 -0 ~1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed, changed) = self.line_counts();
        write!(f, "lines +{added} -{removed} ~{changed}, ")?;
        let (added, removed, changed) = self.router_counts();
        write!(f, "routers +{added} -{removed} ~{changed}")
    }
}

fn counts<'a, F: 'a>(changes: impl Iterator<Item = &'a Change<F>>) -> (usize, usize, usize) {
    changes.fold((0, 0, 0), |(added, removed, changed), change| match change {
        Change::Added => (added + 1, removed, changed),
        Change::Removed => (added, removed + 1, changed),
        Change::Changed(_) => (added, removed, changed + 1),
    })
}

/// One router and its lines, as they run.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) router: Router,
    /// In the order of the inventory.
    pub(crate) lines: Vec<Arc<Line>>,
}

/// What one router has to be told.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// What runs there when it is done; nothing when the router is gone.
    pub(crate) part: Option<Part>,
    /// Whether the settings of the router have changed.
    pub(crate) is_new_router: bool,
    /// Lines that are gone from there.
    pub(crate) withdraw: Vec<Arc<Line>>,
    /// Lines with other settings.
    pub(crate) change: Vec<Arc<Line>>,
    /// Lines that are new there.
    pub(crate) add: Vec<Arc<Line>>,
}

/// Everything that has to be told, and what it amounts to.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// By router; those that stay as they are have none.
    pub(crate) orders: HashMap<RouterName, Order>,
    /// The lines that go from one router to another.
    pub(crate) moved: HashMap<LineId, RouterName>,
    pub(crate) diff: InventoryDiff,
}

/// Compares what runs with what is declared. Lines of routers that are not declared are left out,
/// and said; of two routers with one name the first counts.
///
/// What does not differ costs a comparison and no memory that stays: a line keeps the allocation
/// it has.
pub(crate) fn plan(running: &HashMap<RouterName, Part>, desired: Inventory) -> Plan {
    let mut plan = Plan::default();
    let declared = by_router(desired);
    plan.remove_undeclared(running, &declared);
    for (router, lines) in declared {
        match running.get(&router.name) {
            None => plan.add_router(router, lines),
            Some(part) => plan.compare(part, router, lines),
        }
    }
    plan.join_moves();
    plan
}

/// The routers that have lines, with them.
fn by_router(desired: Inventory) -> Vec<(Router, Vec<Line>)> {
    let mut places: HashMap<RouterName, usize> = HashMap::with_capacity(desired.routers.len());
    let mut parts: Vec<(Router, Vec<Line>)> = Vec::with_capacity(desired.routers.len());
    for router in desired.routers {
        places.entry(router.name.clone()).or_insert_with(|| {
            parts.push((router, Vec::new()));
            parts.len() - 1
        });
    }
    let mut homeless = 0_usize;
    for line in desired.lines {
        match places.get(&line.router) {
            Some(place) => parts[*place].1.push(line),
            None => homeless += 1,
        }
    }
    if homeless > 0 {
        tracing::error!(lines = homeless, "lines of an unknown router are left out");
    }
    parts.retain(|(_, lines)| !lines.is_empty());
    parts
}

impl Plan {
    fn add_router(&mut self, router: Router, lines: Vec<Line>) {
        let change = Change::Added;
        self.diff.routers.push(RouterChange { router: router.name.clone(), change });
        let lines: Vec<_> = lines.into_iter().map(|line| interned(line, &router.name)).collect();
        self.note_lines(&lines, &Change::Added);
        let order = Order { add: lines.clone(), is_new_router: true, ..Order::default() };
        let name = router.name.clone();
        self.orders.insert(name, Order { part: Some(Part { router, lines }), ..order });
    }

    fn compare(&mut self, part: &Part, router: Router, lines: Vec<Line>) {
        let fields = router_fields(&part.router, &router);
        let same_lines = part.lines.len() == lines.len()
            && part.lines.iter().zip(&lines).all(|(running, line)| **running == *line);
        if fields.is_empty() && same_lines {
            return;
        }
        let mut order = Order { is_new_router: !fields.is_empty(), ..Order::default() };
        if !fields.is_empty() {
            let (router, change) = (router.name.clone(), Change::Changed(fields));
            self.diff.routers.push(RouterChange { router, change });
        }
        let kept = if same_lines {
            part.lines.clone()
        } else {
            self.compare_lines(part, &router.name, lines, &mut order)
        };
        let name = router.name.clone();
        order.part = Some(Part { router, lines: kept });
        self.orders.insert(name, order);
    }

    fn compare_lines(
        &mut self,
        part: &Part,
        router: &RouterName,
        lines: Vec<Line>,
        order: &mut Order,
    ) -> Vec<Arc<Line>> {
        let mut running: HashMap<_, _> = part.lines.iter().map(|line| (&line.id, line)).collect();
        let mut kept = Vec::with_capacity(lines.len());
        for line in lines {
            let line = match running.remove(&line.id) {
                Some(known) if **known == line => known.clone(),
                Some(known) => {
                    let change = Change::Changed(line_fields(known, &line));
                    self.diff.lines.push(LineChange { line: line.id.clone(), change });
                    order.change.push(interned(line, router));
                    order.change[order.change.len() - 1].clone()
                }
                None => {
                    let change = Change::Added;
                    self.diff.lines.push(LineChange { line: line.id.clone(), change });
                    order.add.push(interned(line, router));
                    order.add[order.add.len() - 1].clone()
                }
            };
            kept.push(line);
        }
        // In the order in which they ran, so that a plan is the same every time.
        let gone = part.lines.iter().filter(|line| running.contains_key(&line.id));
        for line in gone {
            let change = Change::Removed;
            self.diff.lines.push(LineChange { line: line.id.clone(), change });
            order.withdraw.push(line.clone());
        }
        kept
    }

    fn remove_undeclared(
        &mut self,
        running: &HashMap<RouterName, Part>,
        declared: &[(Router, Vec<Line>)],
    ) {
        let declared: HashSet<_> = declared.iter().map(|(router, _)| &router.name).collect();
        let mut gone: Vec<_> =
            running.values().filter(|part| !declared.contains(&part.router.name)).collect();
        gone.sort_by(|a, b| a.router.name.cmp(&b.router.name));
        for part in gone {
            let router = part.router.name.clone();
            self.note_lines(&part.lines, &Change::Removed);
            let withdraw = part.lines.clone();
            self.orders.insert(router.clone(), Order { withdraw, ..Order::default() });
            self.diff.routers.push(RouterChange { router, change: Change::Removed });
        }
    }

    fn note_lines(&mut self, lines: &[Arc<Line>], change: &Change<LineField>) {
        let changes = lines.iter();
        let changes = changes.map(|l| LineChange { line: l.id.clone(), change: change.clone() });
        self.diff.lines.extend(changes);
    }

    /// A line that is gone from one router and new on another was moved.
    fn join_moves(&mut self) {
        let withdrawn = self.orders.values().flat_map(|order| &order.withdraw);
        let withdrawn: HashMap<_, _> =
            withdrawn.map(|line| (line.id.clone(), line.clone())).collect();
        if withdrawn.is_empty() {
            return;
        }
        let added = self.orders.values().flat_map(|order| &order.add);
        let mut moves: HashMap<_, _> = HashMap::new();
        for line in added {
            if let Some(old) = withdrawn.get(&line.id) {
                let fields = [vec![LineField::Router], line_fields(old, line)].concat();
                moves.insert(line.id.clone(), fields);
                self.moved.insert(line.id.clone(), old.router.clone());
            }
        }
        self.diff.lines.retain_mut(|LineChange { line, change }| {
            match (moves.get(line), &change) {
                (None, _) => true,
                (Some(_), Change::Removed) => false,
                (Some(fields), _) => {
                    *change = Change::Changed(fields.clone());
                    true
                }
            }
        });
    }
}

/// The line with the router's own name in it: names that are the same take memory once.
fn interned(mut line: Line, router: &RouterName) -> Arc<Line> {
    line.router = router.clone();
    Arc::new(line)
}

fn router_fields(old: &Router, new: &Router) -> Vec<RouterField> {
    if old == new {
        return Vec::new();
    }
    let (was, is) = (&old.connection, &new.connection);
    let mut same_limits = is.clone();
    same_limits.endpoint = was.endpoint.clone();
    same_limits.platform = was.platform.clone();
    same_limits.credentials = was.credentials.clone();
    let fields = [
        (RouterField::Endpoint, was.endpoint != is.endpoint),
        (RouterField::Platform, was.platform != is.platform),
        (RouterField::Protocol, old.protocol != new.protocol),
        (RouterField::Credentials, was.credentials != is.credentials),
        (RouterField::Limits, *was != same_limits),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

fn line_fields(old: &Line, new: &Line) -> Vec<LineField> {
    let fields = [
        (LineField::Target, old.target != new.target),
        (LineField::Interval, old.interval != new.interval),
        (LineField::Ping, old.ping != new.ping),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}
