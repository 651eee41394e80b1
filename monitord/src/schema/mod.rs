//! The configuration, described: as a JSON Schema for editors and pipelines, and as a page for
//! people. Both are made of what the loader asks for, so that neither can say anything else.

mod json;
mod reference;

#[cfg(test)]
mod tests;

use crate::settings::Key;

pub(crate) use json::schema;
pub(crate) use reference::reference;

/// The path of the section that a key stands in, and the key.
fn place(key: &Key) -> (&str, &str) {
    let path = key.declared.path.as_str();
    path.rsplit_once('.').unwrap_or(("", path))
}
