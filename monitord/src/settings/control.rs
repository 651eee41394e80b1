//! The section `control`: the socket at which the running daemon is asked.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::section::Section;
use super::value::word;

/// Where systemd lets a service keep what goes with it.
const RUNTIME_DIRECTORY: &str = "RUNTIME_DIRECTORY";
const SOCKET: &str = "control.sock";

/// Reads the section: where the socket is, relative to `directory`.
pub(super) fn read(control: &mut Section<'_>, directory: &Path) -> Option<PathBuf> {
    control.get("socket", word).map(|path| directory.join(path))
}

/// Where the socket is when the configuration does not say it: where systemd wants it, and nowhere
/// without systemd.
pub(super) fn default(environment: &Environment) -> Option<PathBuf> {
    let paths = environment.get(RUNTIME_DIRECTORY).filter(|paths| !paths.is_empty())?;
    // systemd lists several, separated by colons; the first is ours.
    paths.split(':').next().map(|path| Path::new(path).join(SOCKET))
}
