//! What the keys of the configuration mean, and what holds without them.
//!
//! Types, ranges and names are not here: those are what the loader asks for (see [`declared`]).
//! Tests hold the two together: every key that the loader knows is described, nothing else is, and
//! a default that is stated is the one that holds.
//!
//! [`declared`]: super::declared()

mod inventory;
mod process;
mod session;
mod zabbix;

use super::{Declared, declared};
use crate::catalog::Catalog;

/// Keys that stand together, in one place or in several.
struct Group {
    /// Where: the paths of their sections, `""` for the top. The first is where their defaults
    /// hold; those in another may be what stands in the first.
    places: &'static [Place],
    keys: &'static [Words],
}

/// A section, and where its keys come from when it does not have them.
enum Place {
    /// From the defaults.
    Own(&'static str),
    /// From another section.
    Like(&'static str, &'static str),
}

/// A key, its default, which is empty when there is none that could be written down, and what it
/// means.
type Words = (&'static str, &'static str, &'static str);

/// A key of the configuration, with everything that can be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Where it stands, and what it may be.
    pub(crate) declared: Declared,
    /// What it means.
    pub(crate) about: &'static str,
    /// What holds without it.
    pub(crate) default: Standard,
}

/// What holds without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    /// What its description says.
    Said,
    /// This value, as it would be written.
    Value(&'static str),
    /// What the section at this path says.
    Section(&'static str),
}

/// Every key that a configuration may have, described.
pub(crate) fn keys(catalog: &Catalog) -> Vec<Key> {
    let described = |declared: Declared| {
        let (about, default) = words(&declared.path).unwrap_or(("", Standard::Said));
        Key { declared, about, default }
    };
    declared(catalog).into_iter().map(described).collect()
}

fn groups() -> impl Iterator<Item = &'static Group> {
    [process::GROUPS, session::GROUPS, inventory::GROUPS, zabbix::GROUPS].into_iter().flatten()
}

/// The words for the key at `path`.
fn words(path: &str) -> Option<(&'static str, Standard)> {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    groups().find_map(|group| {
        let place = group.places.iter().find(|place| place.path() == section)?;
        let (_, default, about) = group.keys.iter().find(|(known, ..)| *known == key)?;
        let default = match place {
            Place::Like(_, other) => Standard::Section(other),
            Place::Own(_) if default.is_empty() => Standard::Said,
            Place::Own(_) => Standard::Value(default),
        };
        Some((*about, default))
    })
}

impl Place {
    fn path(&self) -> &'static str {
        match self {
            Self::Own(path) | Self::Like(path, _) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Parts;

    #[test]
    fn every_key_that_is_known_is_described_once_and_no_other() {
        let catalog = Parts::builtin().catalog();
        let mut known: Vec<_> = declared(&catalog).into_iter().map(|key| key.path).collect();
        let path = |place: &Place, key: &str| match place.path() {
            "" => key.to_owned(),
            section => format!("{section}.{key}"),
        };
        let all = |group: &'static Group| {
            let keys = |place| group.keys.iter().map(move |(key, ..)| path(place, key));
            group.places.iter().flat_map(keys)
        };
        let mut described: Vec<_> = groups().flat_map(all).collect();
        known.sort();
        described.sort();
        assert_eq!(described, known);
    }
}
