//! From what the files say to definitions: inheritance, and names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pool_core::Platform;

use super::check::check;
use super::definition::PlatformDefinition;
use super::problem::DefinitionProblem;
use super::raw::{RawCli, RawFile};

/// How many generations a definition may inherit from. Two are in use.
const GENERATIONS_MAX: usize = 8;

/// Definitions by name and alias.
pub(super) type Definitions = BTreeMap<Platform, Arc<PlatformDefinition>>;

/// What the files say, before anything is inherited: the built-in definitions, and the operator's
/// own, which come before them.
#[derive(Debug, Default)]
pub(super) struct RawDefinitions {
    pub(super) builtin: BTreeMap<String, Entry>,
    pub(super) own: BTreeMap<String, Entry>,
}

/// A file, and what it says.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) file: String,
    pub(super) raw: RawFile,
}

impl Entry {
    fn problem(&self, key: &str, reason: String) -> DefinitionProblem {
        DefinitionProblem { file: self.file.clone(), key: key.to_owned(), reason }
    }
}

impl RawDefinitions {
    /// The definitions by name and alias. What is wrong with some is added to `problems`. Those
    /// that no file of the operator's has a part in are taken from `ready`, because compiling
    /// their patterns is what takes the time.
    pub(super) fn resolve(
        &self,
        ready: &Definitions,
        problems: &mut Vec<DefinitionProblem>,
    ) -> Definitions {
        let names: BTreeSet<_> = self.builtin.keys().chain(self.own.keys()).collect();
        let mut by_name = BTreeMap::new();
        for name in names {
            let key = Platform::new(name);
            if let Some(definition) = ready.get(&key).filter(|_| self.is_builtin(name)) {
                by_name.insert(key, definition.clone());
                continue;
            }
            let entry = self.get(name).expect("the name is that of an entry");
            let cli = self.with_ancestors(entry, name).map_err(|problem| vec![problem]);
            match cli.and_then(|cli| check(name, &entry.file, &entry.raw, &cli)) {
                Ok(definition) => drop(by_name.insert(key, Arc::new(definition))),
                Err(found) => problems.extend(found),
            }
        }
        let definitions: Vec<_> = by_name.values().cloned().collect();
        for definition in definitions {
            for alias in &definition.aliases {
                let taken = by_name.insert(Platform::new(alias), definition.clone());
                if let (Some(other), Some(entry)) = (taken, self.get(&definition.name)) {
                    let reason = format!("{alias} is also a name of {}", other.name);
                    problems.push(entry.problem("aliases", reason));
                }
            }
        }
        by_name
    }

    /// Whether neither `name` nor anything it inherits from is the operator's.
    fn is_builtin(&self, name: &str) -> bool {
        let mut next = Some(name);
        while let Some(name) = next.filter(|name| !self.own.contains_key(*name)) {
            next = self.builtin.get(name).and_then(|entry| entry.raw.inherits.as_deref());
        }
        next.is_none()
    }

    fn get(&self, name: &str) -> Option<&Entry> {
        self.own.get(name).or_else(|| self.builtin.get(name))
    }

    /// Whom an entry inherits from by `parent`: a definition of the operator's may inherit the
    /// built-in one that it replaces, which has its own name.
    fn ancestor(&self, entry: &Entry, parent: &str) -> Option<&Entry> {
        let same = self.get(parent).filter(|found| !std::ptr::eq(*found, entry));
        same.or_else(|| self.builtin.get(parent).filter(|found| !std::ptr::eq(*found, entry)))
    }

    /// The table of `entry`, which is the platform `name`, with those of its ancestors beneath.
    fn with_ancestors(&self, entry: &Entry, name: &str) -> Result<RawCli, DefinitionProblem> {
        let mut cli = entry.raw.cli.clone().unwrap_or_default();
        let mut youngest = entry;
        let mut line = vec![name];
        while let Some(parent) = youngest.raw.inherits.as_deref() {
            line.push(parent);
            if line.len() > GENERATIONS_MAX {
                let reason = format!("goes in a circle, or too far: {}", line.join(" > "));
                return Err(entry.problem("inherits", reason));
            }
            youngest = self.ancestor(youngest, parent).ok_or_else(|| {
                let known: Vec<_> = self.builtin.keys().chain(self.own.keys()).collect();
                let known = known.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                youngest.problem("inherits", format!("no platform {parent:?}; known are {known}"))
            })?;
            cli = cli.inheriting(&youngest.raw.cli.clone().unwrap_or_default());
        }
        Ok(cli)
    }
}
