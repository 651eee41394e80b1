//! Reading a table key by key, so that everything that is wrong with it is said at once.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::definition_error::Fault;

/// The longest value an error quotes.
const VALUE_CHARS_MAX: usize = 80;

/// A table of a definition, and what has been found wrong with it.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    /// Where the table stands: `ping.read`.
    path: &'static str,
    table: Table,
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(path: &'static str, table: Table, faults: &'a mut Vec<Fault>) -> Self {
        Self { path, table, known: Vec::new(), faults }
    }

    /// The value of a key, or nothing if it is absent or wrong.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        match value.clone().try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                self.complain(key, format!("{}: {}", quoted(&value), error.message()));
                None
            }
        }
    }

    /// The value of a key that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.complain(key, "is missing");
        }
        self.optional(key)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Says that there are such keys, although nobody asks for their values.
    pub(super) fn know(&mut self, keys: impl IntoIterator<Item = &'static str>) {
        self.known.extend(keys);
    }

    /// Says that a key is wrong.
    pub(super) fn complain(&mut self, key: &str, reason: impl Into<String>) {
        self.faults.push(Fault::new(format!("{}.{key}", self.path), reason));
    }

    /// Says which keys nobody has asked for.
    pub(super) fn finish(mut self) {
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        let known = self.known.join(", ");
        for key in unknown {
            self.complain(&key, format!("is no key of [{}]; allowed are {known}", self.path));
        }
    }
}

fn quoted(value: &Value) -> String {
    value.to_string().chars().take(VALUE_CHARS_MAX).collect()
}
