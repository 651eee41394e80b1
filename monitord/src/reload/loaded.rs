use std::path::{Path, PathBuf};
use std::sync::Arc;

use driver_cli::DefinitionFile;
use jiff::Timestamp;
use scheduler::SourceError;

use crate::app::Parts;
use crate::inventory::{ConfigurationWatch, Kept};
use crate::settings::{self, Digest, Environment, Files, Invalid, Override, Settings, Stamps};

/// How many problems of a broken configuration a message has.
const PROBLEMS_TOLD_MAX: usize = 3;
/// What a file of definitions is called.
const DEFINITION: &str = "toml";

/// Where the configuration comes from: the same at every load.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    path: PathBuf,
    environment: Environment,
    overrides: Vec<Override>,
}

/// Everything that is configured, of one load.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) digest: Digest,
}

/// What came of a load, and the files that it read, good or bad.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) loaded: Result<Loaded, Invalid>,
    pub(crate) stamps: Stamps,
}

/// What is read at a start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) loaded: Loaded,
    pub(crate) stamps: Stamps,
    /// Since when the inventory is as it is, and why it is not what the file says now, if it is
    /// what was kept of it.
    pub(crate) kept: Option<(Timestamp, SourceError)>,
}

impl Origin {
    /// The file at `path`, the environment of this process, and `overrides`.
    pub(crate) fn new(path: PathBuf, overrides: Vec<Override>) -> Self {
        Self { path, environment: Environment::of_process(), overrides }
    }

    /// Reads everything. Waits for files, and for commands that print secrets. Of `running` those
    /// parts are taken that have not changed.
    pub(crate) fn load(&self, running: &Parts) -> Load {
        self.load_with(running, None)
    }

    fn load_with(&self, running: &Parts, inventory_text: Option<&str>) -> Load {
        let files = Files::default();
        // Found before the definitions are read, which may be what is wrong.
        files.note(&self.path);
        let loaded = self.parts(running, &files).and_then(|parts| {
            let Self { path, environment, overrides } = self;
            let catalog = parts.catalog();
            let settings = settings::load_with(
                path,
                environment,
                overrides,
                &catalog,
                inventory_text,
                &files,
            )?;
            let digest = files.digest(&parts.definitions, overrides);
            Ok(Loaded { settings, parts, digest })
        });
        Load { loaded, stamps: files.stamps() }
    }

    /// Reads everything for a start. When something is wrong, and all of it with the file of the
    /// inventory, what was kept of that file counts.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub(crate) fn start(&self) -> Result<Start, Invalid> {
        let parts = Parts::builtin();
        let Load { loaded, stamps } = self.load(&parts);
        let invalid = match loaded {
            Ok(loaded) => return Ok(Start { loaded, stamps, kept: None }),
            Err(invalid) => invalid,
        };
        let Self { path, environment, overrides } = self;
        let kept = settings::inventory_places(path, environment, overrides);
        let record = kept.and_then(|(known_hosts, file)| {
            let origin = file.display().to_string();
            Kept::beside(&known_hosts).load(ConfigurationWatch::NAME, &origin)
        });
        let Some(record) = record else { return Err(invalid) };
        match self.load_with(&parts, Some(&record.text)).loaded {
            Ok(loaded) => {
                Ok(Start { loaded, stamps, kept: Some((record.saved_at, told(&invalid))) })
            }
            Err(_) => Err(invalid),
        }
    }

    /// The parts with the platforms that the operator defines: those that run, if the definitions
    /// are the same.
    fn parts(&self, running: &Parts, files: &Files) -> Result<Parts, Invalid> {
        let Self { path, environment, overrides } = self;
        let directory = settings::definitions_directory(path, environment, overrides)?;
        let definitions = match directory {
            Some(directory) => {
                note_definitions(&directory, files);
                DefinitionFile::read_directory(&directory)?
            }
            None => Vec::new(),
        };
        if *running.definitions == *definitions {
            return Ok(running.clone());
        }
        if definitions.is_empty() {
            Ok(Parts::builtin())
        } else {
            Ok(Parts::with_files(&definitions)?)
        }
    }
}

/// A directory changes when a file comes, goes or is replaced, and each file when it is written to.
fn note_definitions(directory: &Path, files: &Files) {
    files.note(directory);
    // What cannot be read is said by whoever reads it.
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_one = |path: &PathBuf| path.extension().is_some_and(|extension| extension == DEFINITION);
    paths.filter(is_one).for_each(|path| files.note(&path));
}

/// The first few of the problems, in one line.
pub(crate) fn told(invalid: &Invalid) -> SourceError {
    let problems = invalid.0.iter().take(PROBLEMS_TOLD_MAX).map(ToString::to_string);
    let mut text = problems.collect::<Vec<_>>().join("; ");
    let more = invalid.0.len().saturating_sub(PROBLEMS_TOLD_MAX);
    if more > 0 {
        text.push_str(&format!("; and {more} more, see `monitord validate`"));
    }
    SourceError(text)
}

/// Definitions without a file.
pub(crate) fn no_definitions() -> Arc<[DefinitionFile]> {
    Arc::from([])
}
