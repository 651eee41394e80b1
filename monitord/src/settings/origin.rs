//! Where each value of the configuration comes from, for people who wonder why it is as it is.

use std::path::Path;

use config::{Value, ValueKind};

use super::files::Files;
use super::problem::{Invalid, Problem};
use super::{Environment, Override, source};

/// What a value is when nobody has said anything.
const BUILT_IN: &str = "built in";

/// The layers of the configuration, to be asked for single values.
#[derive(Debug)]
pub(crate) struct Origins {
    /// What lines and routers can stand in, each with its name: the merged layers, and then the
    /// file of the inventory, if there is one.
    trees: Vec<(String, Value)>,
}

/// Where a value may stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// Under an item of a list: its list, the key that tells it from others, what stands there,
    /// and the path below it.
    Item(&'a str, &'a str, &'a str, &'a [&'a str]),
    /// Under a section.
    Section(&'a [&'a str]),
}

impl Origins {
    /// Reads the layers once more. What they mean is not looked at.
    ///
    /// # Errors
    ///
    /// When they cannot be read or merged.
    pub(crate) fn read(
        path: &Path,
        environment: &Environment,
        overrides: &[Override],
    ) -> Result<Self, Invalid> {
        let one = |problem: Problem| Invalid(vec![problem]);
        let main = source::merged(path, environment, overrides, &Files::default()).map_err(one)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let inventory = source::text_at(&main, "inventory", "file").map(|at| directory.join(at));
        let mut trees = vec![(path.display().to_string(), main)];
        if let Some(file) = inventory {
            let tree = source::text(&file, &Files::default())
                .and_then(|text| source::single(&file, &text));
            trees.push((file.display().to_string(), tree.map_err(one)?));
        }
        Ok(Self { trees })
    }

    /// Whether a list has an item of this name.
    pub(crate) fn has(&self, list: &str, key: &str, name: &str) -> bool {
        self.place_of(Place::Item(list, key, name, &[])).is_some()
    }

    /// The first of `places` at which something stands, and in which layer.
    pub(crate) fn first(&self, places: &[Place<'_>]) -> String {
        let found = places.iter().find_map(|place| self.place_of(*place));
        found.unwrap_or_else(|| BUILT_IN.to_owned())
    }

    fn place_of(&self, place: Place<'_>) -> Option<String> {
        self.trees.iter().find_map(|(name, tree)| {
            let (value, path) = match place {
                Place::Section(keys) => (below(tree, keys)?, keys.join(".")),
                Place::Item(list, key, item, keys) => {
                    let (place, found) = item_of(tree, list, key, item)?;
                    let path = [&[format!("{list}[{place}]")][..], &owned(keys)].concat();
                    (below(found, keys)?, path.join("."))
                }
            };
            Some(format!("{}: {path}", value.origin().unwrap_or(name)))
        })
    }
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// What stands at the end of `keys`, if anything does.
fn below<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    let mut value = value;
    for key in keys {
        let ValueKind::Table(values) = &value.kind else { return None };
        value = values.get(*key).filter(|value| value.kind != ValueKind::Nil)?;
    }
    Some(value)
}

/// The item of a list whose `key` is `name`, with its place.
fn item_of<'v>(tree: &'v Value, list: &str, key: &str, name: &str) -> Option<(usize, &'v Value)> {
    let ValueKind::Array(items) = &below(tree, &[list])?.kind else { return None };
    // A name may be a number to the parser.
    let is_it = |item: &Value| below(item, &[key]).is_some_and(|id| id.to_string() == name);
    items.iter().enumerate().find(|(_, item)| is_it(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_place_that_says_something_is_named_with_its_layer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitord.yaml");
        let text = "connection: { read_timeout: 5s }\nrouters: [{ name: edge-1 }]\n\
                    inventory: { file: lines.yaml }\n";
        std::fs::write(&path, text).unwrap();
        std::fs::write(
            folder.path().join("lines.yaml"),
            "lines: [{ id: 7, ping: { count: 3 } }]\n",
        )
        .unwrap();
        let set = [("connection.connect_timeout".to_owned(), "3s".to_owned())];
        let origins = Origins::read(&path, &Environment::default(), &set).unwrap();
        let line = |keys: &'static [&'static str]| Place::Item("lines", "id", "7", keys);
        let own = origins.first(&[line(&["ping", "count"]), Place::Section(&["defaults", "ping"])]);
        assert!(own.ends_with("lines.yaml: lines[0].ping.count"), "{own}");
        let set = origins.first(&[
            Place::Item("routers", "name", "edge-1", &["connect_timeout"]),
            Place::Section(&["connection", "connect_timeout"]),
        ]);
        assert_eq!(set, "--set: connection.connect_timeout");
        let file = origins.first(&[Place::Section(&["connection", "read_timeout"])]);
        assert!(file.ends_with("monitord.yaml: connection.read_timeout"), "{file}");
        assert_eq!(origins.first(&[line(&["interval"])]), BUILT_IN);
        assert!(origins.has("lines", "id", "7") && !origins.has("lines", "id", "8"));
    }
}
