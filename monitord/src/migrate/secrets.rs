//! Secrets out of the configuration, into files that only their owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::settings::{Form, Key, is_literal};

/// Moves every secret that stands in `tree` itself to a file in `directory`, and names the file in
/// its place. What says where a secret is stays as it is.
pub(super) fn move_out(
    tree: &mut Value,
    keys: &[Key],
    directory: &Path,
    replace: bool,
) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    for key in keys.iter().filter(|key| key.declared.form == Form::Secret) {
        let path: Vec<_> = key.declared.path.split('.').collect();
        move_one(tree, &path, &mut Vec::new(), directory, replace)?;
    }
    Ok(())
}

/// Goes down `path` from `at`; `name` is made of the keys so far.
fn move_one(
    at: &mut Value,
    path: &[&str],
    name: &mut Vec<String>,
    directory: &Path,
    replace: bool,
) -> Result<()> {
    let Some((first, rest)) = path.split_first() else {
        let Value::String(text) = at else { return Ok(()) };
        let secret = text.strip_prefix("literal:").unwrap_or(text);
        // A line end at its end would be taken for the file's.
        if is_literal(text) && !secret.is_empty() && !secret.ends_with(['\n', '\r']) {
            let file = directory.join(name.join("-"));
            keep(&file, secret, replace)?;
            *text = format!("file:{}", file.display());
        }
        return Ok(());
    };
    let depth = name.len();
    match first.strip_suffix("[]") {
        Some(list) => {
            let items = at.get_mut(list).and_then(Value::as_array_mut);
            for (index, item) in items.into_iter().flatten().enumerate() {
                let called = item.get("name").and_then(Value::as_str).map(harmless);
                let place = format!("{}-{list}", index + 1);
                name.push(called.map_or(place.clone(), |called| format!("{place}-{called}")));
                move_one(item, rest, name, directory, replace)?;
                name.truncate(depth);
            }
        }
        None => {
            if let Some(below) = at.get_mut(*first) {
                name.push((*first).to_owned());
                move_one(below, rest, name, directory, replace)?;
                name.truncate(depth);
            }
        }
    }
    Ok(())
}

fn harmless(name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    name.chars().map(harmless).collect()
}

fn keep(file: &Path, secret: &str, replace: bool) -> Result<()> {
    let place = file.display();
    let text = format!("{secret}\n");
    if replace {
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{place}: cannot be replaced"));
            }
            _ => {}
        }
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut opened) => {
            opened.write_all(text.as_bytes()).with_context(|| format!("{place}: cannot be written"))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // It may be there from the last time.
            if fs::read_to_string(file).is_ok_and(|known| known == text) {
                return Ok(());
            }
            bail!("{place}: is there already, and is another secret: --force replaces it")
        }
        Err(error) => Err(error).with_context(|| format!("{place}: cannot be written")),
    }
}
