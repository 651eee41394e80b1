//! Platforms as data: definition files, their inheritance and the names they go by.

mod check;
mod definition;
mod problem;
mod raw;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pool_core::Platform;

use self::raw::RawCli;

pub use self::definition::PlatformDefinition;
pub(crate) use self::definition::{EchoMode, Transition};
pub use self::problem::{DefinitionProblem, InvalidDefinitions};

/// How many generations of platforms a definition may inherit from. Two are in use; a longer
/// chain is a circle.
const GENERATIONS_MAX: usize = 8;

macro_rules! builtin {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../platforms/", $name, ".toml")))),+]
    };
}

/// Name and text of every definition that comes with the crate.
const BUILTIN: &[(&str, &str)] = builtin![
    "arista_eos",
    "cisco_iosxe",
    "cisco_iosxr",
    "cisco_nxos",
    "frr_vtysh",
    "h3c_comware",
    "huawei_vrp",
    "juniper_junos",
    "linux",
];

/// The platforms that are known, by name and alias.
#[derive(Clone, Debug)]
pub struct Platforms {
    by_name: BTreeMap<Platform, Arc<PlatformDefinition>>,
}

impl Platforms {
    /// The platforms that come with the crate.
    #[must_use]
    pub fn builtin() -> Self {
        Self::with_sources(std::iter::empty::<(String, String)>())
            .expect("the definitions of the crate are valid, as its tests prove")
    }

    /// The built-in platforms and those of `sources`: pairs of a platform's name and the text of
    /// its definition file. A source with the name of a built-in platform replaces it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the sources, each with file, key and reason.
    pub fn with_sources<N: AsRef<str>, T: AsRef<str>>(
        sources: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, InvalidDefinitions> {
        let sources: Vec<_> = sources.into_iter().collect();
        let own = sources.iter().map(|(name, text)| (name.as_ref(), text.as_ref()));
        Self::load(BUILTIN.iter().copied().chain(own))
    }

    fn load<'a>(
        sources: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidDefinitions> {
        let mut problems = Vec::new();
        let mut raws = BTreeMap::new();
        for (name, text) in sources {
            match RawCli::parse(&file_of(name), text) {
                Ok(raw) => drop(raws.insert(name.to_owned(), raw)),
                Err(found) => problems.extend(found),
            }
        }
        let by_name = resolve(&raws, &mut problems);
        if problems.is_empty() { Ok(Self { by_name }) } else { Err(InvalidDefinitions(problems)) }
    }

    /// The definition of a platform, by its name or an alias.
    pub fn get(&self, platform: &Platform) -> Option<Arc<PlatformDefinition>> {
        self.by_name.get(platform).cloned()
    }

    /// Every name that [`get`](Self::get) knows, aliases included.
    pub fn names(&self) -> BTreeSet<Platform> {
        self.by_name.keys().cloned().collect()
    }
}

fn file_of(name: &str) -> String {
    format!("{name}.toml")
}

fn resolve(
    raws: &BTreeMap<String, RawCli>,
    problems: &mut Vec<DefinitionProblem>,
) -> BTreeMap<Platform, Arc<PlatformDefinition>> {
    let mut by_name = BTreeMap::new();
    for name in raws.keys() {
        let inherited = with_ancestors(name, raws);
        match inherited.and_then(|raw| check::check(name, &file_of(name), &raw)) {
            Ok(definition) => drop(by_name.insert(Platform::new(name), Arc::new(definition))),
            Err(found) => problems.extend(found),
        }
    }
    let definitions: Vec<_> = by_name.values().cloned().collect();
    for definition in definitions {
        for alias in &definition.aliases {
            let taken = by_name.insert(Platform::new(alias), definition.clone());
            problems.extend(taken.map(|other| alias_clash(&definition, alias, &other)));
        }
    }
    by_name
}

fn alias_clash(
    definition: &PlatformDefinition,
    alias: &str,
    other: &PlatformDefinition,
) -> DefinitionProblem {
    DefinitionProblem {
        file: file_of(&definition.name),
        key: "cli.aliases".to_owned(),
        reason: format!("{alias} is also a name of {}", other.name),
    }
}

fn with_ancestors(
    name: &str,
    raws: &BTreeMap<String, RawCli>,
) -> Result<RawCli, Vec<DefinitionProblem>> {
    let problem = |reason: String| {
        let key = "cli.inherits".to_owned();
        vec![DefinitionProblem { file: file_of(name), key, reason }]
    };
    let mut raw = raws[name].clone();
    for _ in 0..GENERATIONS_MAX {
        let Some(parent) = raw.inherits.take() else { return Ok(raw) };
        let known = raws.get(&parent);
        let ancestor = known.ok_or_else(|| problem(format!("no platform {parent:?} is known")))?;
        raw = RawCli { inherits: ancestor.inherits.clone(), ..raw.inheriting(ancestor) };
    }
    Err(problem(format!("more than {GENERATIONS_MAX} generations; is there a circle?")))
}
