//! What is needed before the rest of the configuration is read, or however wrong that is.

use std::path::{Path, PathBuf};

use config::ValueKind;

use super::environment::Environment;
use super::files::Files;
use super::problem::{Invalid, Problem};
use super::reader::Reader;
use super::secret::Secrets;
use super::section::Section;
use super::source::Override;
use super::value::word;
use super::{control, default_known_hosts, source};

/// The values of the file at `path` alone, as they stand there.
///
/// # Errors
///
/// [`Invalid`] when it cannot be read, or is no section of keys.
pub(crate) fn tree_of(path: &Path) -> Result<serde_json::Value, Invalid> {
    let tree = source::text(path, &Files::default()).and_then(|text| source::single(path, &text));
    let tree = tree.map_err(|one| Invalid(vec![one]))?;
    tree.try_deserialize().map_err(|_| {
        let text = "cannot be read: it is not a section of keys";
        Invalid(vec![Problem::new(&path.display().to_string(), "", text)])
    })
}

/// Where the operator keeps definitions of platforms, if `platforms.directory` names a place. Read
/// before everything else, because what a router's platform may be depends on it.
///
/// # Errors
///
/// [`Invalid`] when the layers cannot be merged, or what stands there is no directory's name.
pub(crate) fn definitions_directory(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
) -> Result<Option<PathBuf>, Invalid> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let found = peek(path, environment, overrides, "platforms", read_platforms)?;
    Ok(found.flatten().map(|at| directory.join(at)))
}

/// Where the daemon with this configuration is asked, if that can be told from here. Nothing else
/// of the configuration is looked at.
///
/// # Errors
///
/// [`Invalid`] when the layers cannot be merged, or what stands there is no path.
pub(crate) fn control_socket(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
) -> Result<Option<PathBuf>, Invalid> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let read = |section: &mut Section<'_>| control::read(section, directory);
    let found = peek(path, environment, overrides, "control", read)?.flatten();
    Ok(found.or_else(|| control::default(environment)))
}

/// Where the known hosts and the file of the inventory are, if a file has one, however wrong the
/// rest of the configuration is.
pub(crate) fn inventory_places(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
) -> Option<(PathBuf, PathBuf)> {
    let tree = source::merged(path, environment, overrides, &Files::default()).ok()?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let known_hosts = source::text_at(&tree, "connection", "known_hosts");
    let known_hosts =
        known_hosts.map_or_else(|| default_known_hosts(environment), |at| directory.join(at));
    Some((known_hosts, directory.join(source::text_at(&tree, "inventory", "file")?)))
}

/// Reads one section, if it is there, and no other.
fn peek<T>(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
    key: &str,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> Result<Option<T>, Invalid> {
    let files = Files::default();
    let tree =
        source::merged(path, environment, overrides, &files).map_err(|one| Invalid(vec![one]))?;
    let ValueKind::Table(mut root) = tree.kind else { return Ok(None) };
    let Some(value) = root.remove(key) else { return Ok(None) };
    let name = path.display().to_string();
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let reader = Reader::new(Secrets::new(environment, directory));
    let found = Section::read(&reader, &name, key, value, |section| read(section));
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(Some(found)) } else { Err(Invalid(problems)) }
}

pub(super) fn read_platforms(platforms: &mut Section<'_>) -> Option<String> {
    platforms.get("directory", word)
}
