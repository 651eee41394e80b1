//! Platforms as data: definition files, their inheritance and the names they go by.

mod adapt;
mod allowed;
mod check;
mod definition;
mod problem;
mod raw;
mod resolve;
mod source;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use pool_core::Platform;

use self::raw::RawFile;
use self::resolve::{Definitions, Entry, RawDefinitions};

pub use self::adapt::check_prompt;
pub use self::definition::PlatformDefinition;
pub(crate) use self::definition::{Answer, EchoMode, LineEnding, Transition};
pub use self::problem::{DefinitionProblem, InvalidDefinitions};
pub use self::source::DefinitionFile;

macro_rules! builtin {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../platforms/", $name, ".toml")))),+]
    };
}

/// Name and text of every definition that comes with the crate.
const BUILTIN: &[(&str, &str)] = builtin![
    "arista_eos",
    "cisco_aireos",
    "cisco_asa",
    "cisco_iosxe",
    "cisco_iosxr",
    "cisco_nxos",
    "fortinet_fortios",
    "frr_vtysh",
    "h3c_comware",
    "huawei_vrp",
    "juniper_junos",
    "linux",
    "mikrotik_routeros",
    "nokia_sros",
    "nokia_sros_classic",
    "ruckus_icx",
];

/// The built-in definitions, compiled once.
static READY: LazyLock<Definitions> = LazyLock::new(|| {
    let mut problems = Vec::new();
    let definitions = builtin(&mut problems).resolve(&Definitions::new(), &mut problems);
    assert!(problems.is_empty(), "built-in {}", InvalidDefinitions(problems));
    definitions
});

/// The platforms that are known, by name and alias.
#[derive(Clone, Debug)]
pub struct Platforms {
    by_name: Definitions,
}

impl Platforms {
    /// The platforms that come with the crate.
    #[must_use]
    pub fn builtin() -> Self {
        Self { by_name: READY.clone() }
    }

    /// The built-in platforms, and those of the definition files in `directory`.
    ///
    /// # Errors
    ///
    /// As [`with_files`](Self::with_files), and everything that cannot be read.
    pub fn load(directory: &Path) -> Result<Self, InvalidDefinitions> {
        Self::with_files(DefinitionFile::read_directory(directory)?)
    }

    /// The built-in platforms, and those of `files`. A file with the name of a built-in platform
    /// replaces it, and may inherit from it; a file without anything for this crate is passed
    /// over.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files, each with file, key and reason.
    pub fn with_files<F: Into<DefinitionFile>>(
        files: impl IntoIterator<Item = F>,
    ) -> Result<Self, InvalidDefinitions> {
        let mut problems = Vec::new();
        let mut raws = builtin(&mut problems);
        for file in files {
            add(&mut raws.own, &file.into(), &mut problems);
        }
        let by_name = raws.resolve(&READY, &mut problems);
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

fn builtin(problems: &mut Vec<DefinitionProblem>) -> RawDefinitions {
    let mut raws = RawDefinitions::default();
    for (name, text) in BUILTIN {
        add(&mut raws.builtin, &DefinitionFile::from((*name, *text)), problems);
    }
    raws
}

fn add(
    entries: &mut BTreeMap<String, Entry>,
    file: &DefinitionFile,
    problems: &mut Vec<DefinitionProblem>,
) {
    let path = file.path().display().to_string();
    match RawFile::parse(file) {
        Ok(None) => {}
        Ok(Some(raw)) => {
            if let Some(other) = entries.insert(file.name(), Entry { file: path.clone(), raw }) {
                let reason = format!("{} defines the same platform", other.file);
                problems.push(DefinitionProblem { file: path, key: "(file name)".into(), reason });
            }
        }
        Err(found) => problems.extend(found),
    }
}
