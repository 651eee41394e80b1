//! Whether the spool can be opened, or made.

use std::path::Path;

use rustix::fs::{Access, access};

use super::Found;
use crate::settings::Settings;
use crate::spool::{Database, Directory};

/// Opens the spool to read, if there is one yet; otherwise sees whether its directory can be made.
/// Nothing is written, and a daemon that uses it is not disturbed.
pub(super) fn open(settings: &Settings) -> Found {
    let mut found = Found::default();
    let Some(path) = &settings.spool.directory else { return found };
    let directory = Directory::new(path);
    let file = directory.database();
    let place = path.display();
    if file.exists() {
        match Database::open_to_read(&file) {
            Ok(_) => found.notes.push(format!("spool: {place} opens")),
            Err(error) => found.problems.push(format!(
                "spool: {place} cannot be opened: {error} (see `monitord spool repair`)"
            )),
        }
        return found;
    }
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
    match access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => found.notes.push(format!("spool: {place} can be made")),
        Err(error) => found.problems.push(format!(
            "spool: {place} cannot be made, because {} refuses: {error}",
            existing.display()
        )),
    }
    found
}
