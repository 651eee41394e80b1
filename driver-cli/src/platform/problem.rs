use std::fmt;

/// One thing that is wrong with a platform definition: in which file, at which key, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {reason}")]
pub struct DefinitionProblem {
    /// The file.
    pub file: String,
    /// The key, with its tables: `cli.levels.exec.prompt`.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// Everything that is wrong with the definitions that were to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDefinitions(pub Vec<DefinitionProblem>);

impl fmt::Display for InvalidDefinitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid platform definitions")?;
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{} {problem}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidDefinitions {}

/// Gathers the problems of one file, so that all of them can be reported at once.
#[derive(Debug)]
pub(super) struct Problems {
    file: String,
    found: Vec<DefinitionProblem>,
}

impl Problems {
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    pub(super) fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.found.push(DefinitionProblem {
            file: self.file.clone(),
            key: key.into(),
            reason: reason.into(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, Vec<DefinitionProblem>> {
        if self.found.is_empty() { Ok(value) } else { Err(self.found) }
    }
}
