//! What has to change so that what runs is what is declared: a pure comparison.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::diff::{
    Change, InventoryDiff, LineChange, LineField, RouterChange, line_fields, router_fields,
};
use crate::{Inventory, Line, LineId, Router, RouterName};

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
    let declared = by_router(running, desired);
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
fn by_router(running: &HashMap<RouterName, Part>, desired: Inventory) -> Vec<(Router, Vec<Line>)> {
    let mut places: HashMap<RouterName, usize> = HashMap::with_capacity(desired.routers.len());
    let mut parts: Vec<(Router, Vec<Line>)> = Vec::with_capacity(desired.routers.len());
    for router in desired.routers {
        places.entry(router.name.clone()).or_insert_with(|| {
            // Most routers have as many lines as they had.
            let lines = running.get(&router.name).map_or(0, |part| part.lines.len());
            parts.push((router, Vec::with_capacity(lines)));
            parts.len() - 1
        });
    }
    let mut homeless = 0_usize;
    // The lines of a router mostly follow each other.
    let mut latest = None;
    for line in desired.lines {
        let is_there = |place: &usize| parts[*place].0.name == line.router;
        match latest.filter(is_there).or_else(|| places.get(&line.router).copied()) {
            Some(place) => {
                parts[place].1.push(line);
                latest = Some(place);
            }
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
    /// Has every router begin its checks anew, whether or not it differs: something that all of them
    /// share has changed.
    pub(crate) fn renew_all(&mut self, running: &HashMap<RouterName, Part>) {
        for (name, part) in running {
            let stays = || Order { part: Some(part.clone()), ..Order::default() };
            self.orders.entry(name.clone()).or_insert_with(stays).is_new_router = true;
        }
    }

    fn add_router(&mut self, router: Router, lines: Vec<Line>) {
        let change = Change::Added;
        self.diff.routers.push(RouterChange { router: router.name.clone(), change });
        // Not collected from the vector itself, whose memory would stay: that of whole lines.
        let mut known = Vec::with_capacity(lines.len());
        for line in lines {
            let line = interned(line, &router.name, known.last());
            known.push(line);
        }
        let lines = known;
        self.note_lines(&lines, &Change::Added);
        let order = Order { add: lines.clone(), is_new_router: true, ..Order::default() };
        let name = router.name.clone();
        self.orders.insert(name, Order { part: Some(Part { router, lines }), ..order });
    }

    fn compare(&mut self, part: &Part, router: Router, lines: Vec<Line>) {
        let fields = router_fields(&part.router, &router);
        let same_lines = part.lines.len() == lines.len()
            && part.lines.iter().zip(&lines).all(|(running, line)| is_same(running, line));
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
                Some(known) if is_same(known, &line) => known.clone(),
                Some(known) => {
                    let change = Change::Changed(line_fields(known, &line));
                    self.diff.lines.push(LineChange { line: line.id.clone(), change });
                    order.change.push(interned(line, router, part.lines.first()));
                    order.change[order.change.len() - 1].clone()
                }
                None => {
                    let change = Change::Added;
                    self.diff.lines.push(LineChange { line: line.id.clone(), change });
                    order.add.push(interned(line, router, part.lines.first()));
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

/// Whether a line is declared as it runs. It is known to be on the same router.
fn is_same(running: &Line, line: &Line) -> bool {
    let Line { id, router: _, target, interval, task } = line;
    running.id == *id
        && running.target == *target
        && running.interval == *interval
        && running.task == *task
}

/// The line with the router's own name in it, and the task of another line of the router if it is
/// the same: what is the same takes memory once.
fn interned(mut line: Line, router: &RouterName, other: Option<&Arc<Line>>) -> Arc<Line> {
    line.router = router.clone();
    if let Some(other) = other.filter(|other| other.task == line.task) {
        line.task = other.task.clone();
    }
    Arc::new(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::RouterField;
    use crate::testing::{inventory, line, router};

    /// The parts of an inventory as they run.
    fn running(inventory: &Inventory) -> HashMap<RouterName, Part> {
        let orders = plan(&HashMap::new(), inventory.clone()).orders.into_iter();
        orders.map(|(name, order)| (name, order.part.unwrap())).collect()
    }

    fn diff(old: &Inventory, new: &Inventory) -> InventoryDiff {
        plan(&running(old), new.clone()).diff
    }

    fn changed(fields: &[LineField]) -> Change<LineField> {
        Change::Changed(fields.to_vec())
    }

    #[test]
    fn what_is_the_same_is_not_touched() {
        let inventory = inventory(5);
        let plan = plan(&running(&inventory), inventory.clone());
        assert!(plan.diff.is_empty() && plan.orders.is_empty());
        let mut reversed = inventory.clone();
        reversed.lines.reverse();
        assert!(diff(&inventory, &reversed).is_empty(), "the order of lines means nothing");
    }

    #[test]
    fn each_change_of_a_line_is_named() {
        let mut old = inventory(4);
        old.routers.push(router("edge-2"));
        old.lines.push(line("X", "edge-2"));
        let mut new = old.clone();
        new.lines[0].interval = crate::Interval::DEFAULT;
        new.lines[1].target = crate::Target::new("203.0.113.1").unwrap();
        new.lines[1].task = crate::Task::ping(crate::PingParams { count: 9, ..Default::default() });
        new.lines[2].router = router("edge-2").name;
        new.lines.remove(3);
        new.lines.push(line("L9999", "edge-1"));
        let mut lines = diff(&old, &new).lines;
        lines.sort_by(|a, b| a.line.cmp(&b.line));
        let lines: Vec<_> = lines.iter().map(|l| (l.line.as_str(), l.change.clone())).collect();
        let expected = [
            ("L0000", changed(&[LineField::Interval])),
            ("L0001", changed(&[LineField::Target, LineField::Task])),
            ("L0002", changed(&[LineField::Router])),
            ("L0003", Change::Removed),
            ("L9999", Change::Added),
        ];
        assert_eq!(lines, expected);
        assert_eq!(diff(&old, &new).to_string(), "lines +1 -1 ~3, routers +0 -0 ~0");
    }

    #[test]
    fn each_change_of_a_router_is_named_and_touches_no_other() {
        let mut old = inventory(2);
        old.routers.push(router("edge-2"));
        old.lines.push(line("X", "edge-2"));
        let mut new = old.clone();
        new.routers[0].connection.credentials.username = "other".to_owned();
        new.routers[0].connection.max_connections = 7;
        new.routers[0].connection.platform = "linux".into();
        let plan = plan(&running(&old), new);
        let fields = vec![RouterField::Platform, RouterField::Credentials, RouterField::Limits];
        assert_eq!(plan.diff.routers[0].change, Change::Changed(fields));
        assert_eq!(plan.orders.len(), 1);
        assert!(plan.diff.lines.is_empty());
    }

    #[test]
    fn a_router_that_is_gone_takes_its_lines_with_it() {
        let old = inventory(3);
        let diff = diff(&old, &Inventory::default());
        assert_eq!(diff.to_string(), "lines +0 -3 ~0, routers +0 -1 ~0");
    }

    #[test]
    fn a_line_keeps_the_memory_it_has() {
        let old = inventory(3);
        let running = running(&old);
        let mut new = old.clone();
        new.lines[0].interval = crate::Interval::DEFAULT;
        let mut plan = plan(&running, new);
        let name = router("edge-1").name;
        let part = plan.orders.remove(&name).unwrap().part.unwrap();
        assert!(Arc::ptr_eq(&part.lines[1], &running[&name].lines[1]));
        assert!(!Arc::ptr_eq(&part.lines[0], &running[&name].lines[0]));
    }
}
