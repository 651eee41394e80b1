//! From a configuration with the predecessor's flat keys to one with monitord's own, which means the
//! same and says what each key is for.

mod flat;
mod secrets;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::settings::Key;

/// The text of a configuration that means what `tree`, which was read from `source`, means. With
/// `secrets_directory` the secrets in it are moved to files there, over files that are there already
/// when `replace`.
///
/// # Errors
///
/// When a secret cannot be written to its file.
pub(crate) fn migrated(
    mut tree: Value,
    source: &Path,
    keys: &[Key],
    secrets_directory: Option<(&Path, bool)>,
) -> Result<String> {
    flat::renew(&mut tree);
    if let Some((directory, replace)) = secrets_directory {
        let directory = std::path::absolute(directory)
            .with_context(|| format!("{} is no directory", directory.display()))?;
        secrets::move_out(&mut tree, keys, &directory, replace)?;
    }
    Ok(write::text(&tree, keys, source))
}
