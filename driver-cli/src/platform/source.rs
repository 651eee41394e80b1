//! Where definitions come from: their files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::problem::{DefinitionProblem, InvalidDefinitions};

/// The largest definition file. The built-in ones take some kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most definition files in one directory: many more than there are vendors.
const FILES_MAX: usize = 512;
/// What a definition file ends in.
const EXTENSION: &str = "toml";

/// The file of one platform: its name is that of the platform, its text the definition.
///
/// One file holds what several crates know of a platform, each in a table of its own. Whoever
/// brings the crates together reads the files once and hands them to each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFile {
    path: PathBuf,
    text: String,
}

impl DefinitionFile {
    /// A file that has been read.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// A problem with the file as a whole, when it cannot be read or is larger than 1 MiB.
    pub fn read(path: &Path) -> Result<Self, InvalidDefinitions> {
        let text = read_bounded(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self::new(path, text))
    }

    /// Reads every `*.toml` in `directory`, in the order of their names. Other files, and those
    /// whose names begin with a dot, are passed over; directories in it are not entered.
    ///
    /// # Errors
    ///
    /// Everything that cannot be read, at once; also when there are more than 512 files.
    pub fn read_directory(directory: &Path) -> Result<Vec<Self>, InvalidDefinitions> {
        let paths = list(directory).map_err(|error| unreadable(directory, &error))?;
        if paths.len() > FILES_MAX {
            let error = io::Error::other(format!("more than {FILES_MAX} definition files"));
            return Err(unreadable(directory, &error));
        }
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            match Self::read(&path) {
                Ok(file) => files.push(file),
                Err(InvalidDefinitions(found)) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(InvalidDefinitions(problems)) }
    }

    /// The platform's name: that of the file, without its extension.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where the file is, as problems with it name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The definition.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A platform's name and the text of its definition: the file `NAME.toml`.
impl<N: AsRef<str>, T: Into<String>> From<(N, T)> for DefinitionFile {
    fn from((name, text): (N, T)) -> Self {
        Self::new(format!("{}.{EXTENSION}", name.as_ref()), text)
    }
}

fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_definition = path.extension().is_some_and(|extension| extension == EXTENSION);
        if is_definition && !hidden && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

fn unreadable(path: &Path, error: &io::Error) -> InvalidDefinitions {
    InvalidDefinitions(vec![DefinitionProblem {
        file: path.display().to_string(),
        key: "(file)".to_owned(),
        reason: format!("cannot be read: {error}"),
    }])
}
