//! The macros of hosts: which of several with one name counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::answer::{Host, Macro, Template};

/// What the names of all macros that are read here begin with.
const PREFIX: &str = "{$LINE_";
/// Templates cannot be linked in a ring, and nobody links them as deep as this. It bounds what a
/// wrong answer can cost.
const DEPTH_MAX: usize = 32;

/// What a macro has been set to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum MacroValue {
    /// To a text that can be read.
    Text(String),
    /// To a secret, which the API tells nobody.
    Secret,
    /// To what stands in a vault at this place.
    Vault(String),
    /// To a password that could be read once, and was not put on a disk.
    NotKept {
        /// Whether it was the one that an entry of `credentials` has.
        in_credentials: bool,
    },
}

impl MacroValue {
    /// The text, if it can be read and is not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Self::Secret | Self::Vault(_) | Self::NotKept { .. } => None,
        }
    }

    /// Whether an entry of `credentials` may stand in for it. A password that stood in Zabbix is
    /// only ever the one that stood there: another one, of an entry that is for many routers, would
    /// be tried in vain until the account is locked.
    pub(super) fn may_be_filled(&self) -> bool {
        !matches!(self, Self::NotKept { in_credentials: false })
    }

    /// Where in a vault it is.
    pub(super) fn vault(&self) -> Option<&str> {
        match self {
            Self::Vault(place) => Some(place),
            Self::Text(_) | Self::Secret | Self::NotKept { .. } => None,
        }
    }

    /// Why it cannot be read.
    pub(super) fn unread(&self) -> Option<String> {
        match self {
            Self::Text(_) => None,
            Self::Secret => Some("a secret macro".to_owned()),
            Self::Vault(place) => Some(format!("a Vault macro ({place})")),
            Self::NotKept { .. } => Some("not kept while Zabbix is away".to_owned()),
        }
    }
}

/// Passwords are texts like any other.
impl fmt::Debug for MacroValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(***)",
            Self::Secret => "Secret",
            Self::Vault(_) => "Vault(***)",
            Self::NotKept { .. } => "NotKept",
        })
    }
}

/// The macros of one host that count, by the part of their name after `{$LINE_` and before `}`.
pub(crate) type Macros = BTreeMap<String, MacroValue>;

/// Macros that hosts inherit.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    global: Macros,
    templates: HashMap<u64, Linked>,
}

/// A template: its macros, and the templates that are linked to it, lowest id first.
#[derive(Debug)]
struct Linked {
    macros: Macros,
    parents: Vec<u64>,
}

impl Inherited {
    /// What is set for everybody, and what templates set.
    pub(super) fn new(global: Vec<Macro>, templates: Vec<Template>) -> Self {
        let linked = |template: Template| {
            let Template { id, macros, parents } = template;
            (
                id.0,
                Linked { macros: named(macros), parents: sorted(parents.iter().map(|p| p.id.0)) },
            )
        };
        Self { global: named(global), templates: templates.into_iter().map(linked).collect() }
    }

    /// The macros of `host` that count: its own, or else those of the templates nearest to it, of
    /// which the one with the lowest id counts, or else those that are set for everybody.
    pub(super) fn resolve(&self, host: &Host) -> Macros {
        let mut found = named(host.macros.clone());
        let mut level = sorted(host.parents.iter().map(|parent| parent.id.0));
        let mut seen: BTreeSet<u64> = level.iter().copied().collect();
        for _ in 0..DEPTH_MAX {
            let linked: Vec<_> = level.iter().filter_map(|id| self.templates.get(id)).collect();
            for template in &linked {
                fill(&mut found, &template.macros);
            }
            let parents = linked.iter().flat_map(|template| &template.parents).copied();
            level = sorted(parents.filter(|id| seen.insert(*id)));
            if level.is_empty() {
                break;
            }
        }
        fill(&mut found, &self.global);
        found
    }
}

/// Adds those of `more` whose names are not there yet.
fn fill(found: &mut Macros, more: &Macros) {
    for (name, value) in more {
        if !found.contains_key(name) {
            found.insert(name.clone(), value.clone());
        }
    }
}

/// Those macros that are read here. Macros with a context (`{$LINE_ID:context}`) are for items,
/// and there is no item here.
fn named(macros: Vec<Macro>) -> Macros {
    let ours = |one: Macro| {
        let name = one.name.strip_prefix(PREFIX)?.strip_suffix('}')?;
        (!name.contains(':')).then(|| (name.to_owned(), one.value))
    };
    macros.into_iter().filter_map(ours).collect()
}

/// The whole name of the macro that is called `name` in [`Macros`].
pub(super) fn full_name(name: &str) -> String {
    format!("{PREFIX}{name}}}")
}

fn sorted(ids: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answer::{Id, Parent};
    use super::*;

    fn macros(pairs: &[(&str, &str)]) -> Vec<Macro> {
        let one = |(name, value): &(&str, &str)| Macro {
            name: format!("{{$LINE_{name}}}"),
            value: MacroValue::Text((*value).to_owned()),
        };
        pairs.iter().map(one).collect()
    }

    fn parents(ids: &[u64]) -> Vec<Parent> {
        ids.iter().map(|id| Parent { id: Id(*id) }).collect()
    }

    fn template(id: u64, pairs: &[(&str, &str)], linked: &[u64]) -> Template {
        Template { id: Id(id), macros: macros(pairs), parents: parents(linked) }
    }

    fn host(pairs: &[(&str, &str)], linked: &[u64]) -> Host {
        let macros = macros(pairs);
        Host { name: "line".to_owned(), macros, parents: parents(linked), assigned_proxy: None }
    }

    fn text(macros: &Macros, name: &str) -> String {
        macros.get(name).and_then(MacroValue::text).unwrap_or_default().to_owned()
    }

    #[test]
    fn the_nearest_counts_and_on_one_level_the_lowest_template() {
        let templates = vec![
            template(7, &[("A", "seven"), ("B", "seven")], &[1]),
            template(12, &[("A", "twelve"), ("C", "twelve")], &[]),
            template(1, &[("B", "deep"), ("C", "deep"), ("D", "deep"), ("E", "deep")], &[]),
        ];
        let global = macros(&[("A", "global"), ("E", "global"), ("F", "global")]);
        let inherited = Inherited::new(global, templates);
        // Ids are numbers: 7 is lower than 12, though its text is not.
        let found = inherited.resolve(&host(&[("D", "own")], &[12, 7]));
        let got: String = ["A", "B", "C", "D", "E", "F"].map(|n| text(&found, n)).join(" ");
        assert_eq!(got, "seven seven twelve own deep global");
    }

    #[test]
    fn a_host_without_templates_has_its_own_and_global_macros() {
        let inherited = Inherited::new(macros(&[("B", "global")]), Vec::new());
        let found = inherited.resolve(&host(&[("A", "own")], &[]));
        assert_eq!((text(&found, "A"), text(&found, "B")), ("own".into(), "global".into()));
    }

    #[test]
    fn macros_of_others_and_those_with_a_context_are_left_out() {
        let mut all = macros(&[("A", "x"), ("A:ctx", "y")]);
        all.push(Macro { name: "{$SNMP_COMMUNITY}".into(), value: MacroValue::Secret });
        assert_eq!(named(all).len(), 1);
    }

    proptest! {
        /// However templates are linked, a ring included, it ends, and what it finds is what
        /// walking all of them by distance finds.
        #[test]
        fn it_is_the_nearest_of_any_graph(
            links in proptest::collection::vec(proptest::collection::vec(0u64..12, 0..4), 12),
            set in proptest::collection::vec(any::<bool>(), 12),
            first in proptest::collection::vec(0u64..12, 0..4),
        ) {
            let templates = (0..12u64).map(|id| {
                let place = usize::try_from(id).unwrap();
                let value = id.to_string();
                let own: &[(&str, &str)] = if set[place] { &[("A", &value)] } else { &[] };
                template(id, own, &links[place])
            });
            let inherited = Inherited::new(Vec::new(), templates.collect());
            let found = text(&inherited.resolve(&host(&[], &first)), "A");

            let mut distance = [usize::MAX; 12];
            for id in &first { distance[usize::try_from(*id).unwrap()] = 0; }
            for _ in 0..12 {
                for from in 0..12 {
                    if distance[from] == usize::MAX { continue; }
                    for to in &links[from] {
                        let to = usize::try_from(*to).unwrap();
                        distance[to] = distance[to].min(distance[from] + 1);
                    }
                }
            }
            let nearest = (0..12).filter(|id| set[*id] && distance[*id] != usize::MAX)
                .min_by_key(|id| (distance[*id], *id));
            prop_assert_eq!(found, nearest.map(|id| id.to_string()).unwrap_or_default());
        }
    }
}
