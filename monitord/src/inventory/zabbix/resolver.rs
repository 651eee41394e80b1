//! From what Zabbix knows to an inventory: lines, and the routers that their macros describe.

use std::collections::{BTreeMap, HashMap};

use pool_core::{ConnectionConfig, Endpoint};
use scheduler::{CheckRules, Inventory, Line, LineId, Router, RouterName};

use super::answer::Host;
use super::fetch::Snapshot;
use super::line::{self, Description, Read, Wish};
use super::login::Login;
use crate::catalog::Catalog;
use crate::inventory::unresolved::{self, Fault, FaultKind};
use crate::settings::LineDefaults;

/// What is needed to make an inventory of what Zabbix knows. It comes from the configuration, and
/// changes with it.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(crate) catalog: Catalog,
    /// What a line is when its macros do not say otherwise.
    pub(crate) line_defaults: LineDefaults,
    /// What all routers share.
    pub(crate) connection: ConnectionConfig,
    /// How lines are checked, on all routers.
    pub(crate) rules: CheckRules,
    /// Who logs in where macros do not say.
    pub(crate) logins: Vec<Login>,
    /// The routers of the configuration, by where they are. A host whose router is one of them
    /// need not describe it.
    routers: HashMap<(String, u16), Router>,
}

/// An inventory, and what is to be said about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Every line, those that cannot be checked included: see [`unresolved`].
    pub(crate) inventory: Inventory,
    /// Those that cannot be checked, and why.
    pub(crate) faults: BTreeMap<LineId, Fault>,
    /// What is checked, but not as each of its hosts says.
    pub(crate) notes: Vec<String>,
}

impl Resolver {
    pub(crate) fn new(
        catalog: Catalog,
        line_defaults: LineDefaults,
        connection: ConnectionConfig,
        rules: CheckRules,
        logins: Vec<Login>,
        routers: &[Router],
    ) -> Self {
        let place = |router: &Router| (key(&router.connection.endpoint), router.clone());
        let routers = routers.iter().map(place).collect();
        Self { catalog, line_defaults, connection, rules, logins, routers }
    }

    /// Whether both make the same of everything.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.catalog.is_same(&other.catalog)
            && self.line_defaults == other.line_defaults
            && self.connection == other.connection
            && self.rules == other.rules
            && self.logins == other.logins
            && self.routers == other.routers
    }

    /// The router of the configuration at `endpoint`.
    pub(super) fn known_router(&self, endpoint: &Endpoint) -> Option<&Router> {
        self.routers.get(&key(endpoint))
    }

    /// The inventory in `snapshot`. It depends on nothing else, and its order on nothing but names.
    pub(crate) fn resolve(&self, snapshot: &Snapshot) -> Resolved {
        let mut resolving = Resolving::default();
        for host in &snapshot.hosts {
            resolving.add_host(self, host, snapshot);
        }
        for name in &snapshot.unreadable {
            let reason = "what the API says of its macros cannot be read".to_owned();
            let fault = Fault { kind: FaultKind::Inventory, reason };
            resolving.add_fault(name, self, fault);
        }
        if snapshot.nameless > 0 {
            let count = snapshot.nameless;
            resolving.notes.push(format!("{count} hosts cannot be read, and have no name"));
        }
        resolving.finish(self)
    }
}

/// The same router may be written in capitals elsewhere.
fn key(endpoint: &Endpoint) -> (String, u16) {
    (endpoint.host().to_lowercase(), endpoint.port())
}

#[derive(Debug, Default)]
struct Resolving {
    lines: Vec<Line>,
    /// What hosts say of each router, in their order.
    described: BTreeMap<RouterName, Vec<(LineId, Box<Description>)>>,
    /// The routers of the configuration that are used.
    known: BTreeMap<RouterName, Router>,
    /// Those that stand for faults.
    unresolved: BTreeMap<RouterName, Router>,
    faults: BTreeMap<LineId, Fault>,
    notes: Vec<String>,
}

impl Resolving {
    fn add_host(&mut self, resolver: &Resolver, host: &Host, snapshot: &Snapshot) {
        let id = match LineId::new(&host.name) {
            Ok(id) => id,
            Err(error) => return self.notes.push(format!("a host is no line: {error}")),
        };
        let macros = snapshot.inherited.resolve(host);
        match line::read(&id, &macros, resolver) {
            Ok(Read { line, router }) => self.add(line, router),
            Err(unread) => self.add_unresolved(id, unread.interval, unread.fault),
        }
    }

    fn add(&mut self, line: Line, router: Wish) {
        match router {
            Wish::Known(router) => {
                self.known.entry(router.name.clone()).or_insert(*router);
            }
            Wish::Described(description) => {
                let says = self.described.entry(line.router.clone()).or_default();
                says.push((line.id.clone(), description));
            }
        }
        self.lines.push(line);
    }

    fn add_fault(&mut self, name: &str, resolver: &Resolver, fault: Fault) {
        match LineId::new(name) {
            Ok(id) => self.add_unresolved(id, resolver.line_defaults.interval, fault),
            Err(error) => self.notes.push(format!("a host is no line: {error}")),
        }
    }

    fn add_unresolved(&mut self, id: LineId, interval: scheduler::Interval, fault: Fault) {
        let router = unresolved::router(&fault);
        self.lines.push(unresolved::line(id.clone(), interval, &router));
        self.unresolved.insert(router.name.clone(), router);
        self.faults.insert(id, fault);
    }

    fn finish(mut self, resolver: &Resolver) -> Resolved {
        let described = std::mem::take(&mut self.described);
        let described: Vec<_> =
            described.into_iter().map(|(name, says)| self.agree(name, &says, resolver)).collect();
        self.lines.sort_by(|a, b| a.id.cmp(&b.id));
        let routers = described.into_iter().chain(self.known.into_values());
        let routers = routers.chain(self.unresolved.into_values()).collect();
        let inventory = Inventory { routers, lines: self.lines };
        Resolved { inventory, faults: self.faults, notes: self.notes }
    }

    /// The router that most of its lines describe; of several that are described equally often, the
    /// one that the first line describes. Each line that says otherwise is told.
    fn agree(
        &mut self,
        name: RouterName,
        says: &[(LineId, Box<Description>)],
        resolver: &Resolver,
    ) -> Router {
        let mut counts: Vec<(&Description, usize)> = Vec::new();
        for (_, description) in says {
            match counts.iter_mut().find(|(known, _)| *known == &**description) {
                Some((_, count)) => *count += 1,
                None => counts.push((description, 1)),
            }
        }
        // The last of equal maxima would be the latest line's.
        let most = counts.iter().rev().max_by_key(|(_, count)| *count);
        let (agreed, count) = *most.expect("somebody describes it");
        for (line, other) in says.iter().filter(|(_, other)| &**other != agreed) {
            let macros = line::differences(agreed, other).join(", ");
            self.notes.push(format!(
                "line {line}: router {name}: {macros} differ from those of {count} other lines: \
                 what they say counts"
            ));
        }
        line::router(name, agreed, resolver)
    }
}
