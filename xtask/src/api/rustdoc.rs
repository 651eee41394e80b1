//! The interfaces as they are now, as rustdoc tells them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::graph::Graph;
use crate::run::run;

/// The form of rustdoc's JSON that the `public-api` of Cargo.lock reads. Each Rust writes one.
const FORMAT: u32 = 57;

/// What a compiler finds out by itself and nobody depends on; some of it is new with every other Rust.
const TRAITS_LEFT_OUT: &[&str] = &[
    "core::marker::Freeze for",
    "core::marker::StructuralPartialEq for",
    "core::marker::UnsafeUnpin for",
    "core::panic::unwind_safe::RefUnwindSafe for",
    "core::panic::unwind_safe::UnwindSafe for",
];

/// The public items of each crate, with all of its features, a line for each, in order.
pub(super) fn interfaces(graph: &Graph, names: &[&str]) -> Result<Vec<String>> {
    let target = &graph.target_directory;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["doc", "--quiet", "--locked", "--no-deps", "--lib", "--all-features"]);
    for name in names {
        cargo.args(["--package", name]);
    }
    cargo.env("RUSTDOC", willing_rustdoc(&target.join("api"))?);
    cargo.env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json --cap-lints=allow");
    cargo.env_remove("CARGO_ENCODED_RUSTDOCFLAGS");
    run(&mut cargo)?;
    let json = |name: &&str| target.join(format!("doc/{}.json", name.replace('-', "_")));
    names.iter().map(|name| interface(&json(name))).collect()
}

/// A rustdoc that writes JSON although it is a stable one. The variable that makes it is for it alone:
/// build scripts look at it too, and everything would be built again.
fn willing_rustdoc(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
    let path = folder.join("rustdoc");
    let script = "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n";
    fs::write(&path, script).with_context(|| format!("cannot write {path:?}"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

fn interface(json: &Path) -> Result<String> {
    let text = super::read(json)?;
    let head: Head = serde_json::from_str(&text).with_context(|| format!("{}", json.display()))?;
    ensure!(
        head.format_version == FORMAT,
        "this rustdoc writes form {} of its JSON, and form {FORMAT} is read: use Rust 1.95, or the \
         `public-api` for form {}, in Cargo.toml, and say so in xtask/src/api/rustdoc.rs",
        head.format_version,
        head.format_version
    );
    let interface = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()
        .with_context(|| format!("cannot make sense of {}", json.display()))?;
    let items = interface.items().map(ToString::to_string).filter(|item| is_kept(item));
    Ok(items.map(|item| format!("{item}\n")).collect())
}

fn is_kept(item: &str) -> bool {
    !TRAITS_LEFT_OUT.iter().any(|found| item.starts_with("impl") && item.contains(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_type_can_be_used_for_is_kept_and_what_compilers_add_is_not() {
        assert!(is_kept("pub fn pool::Pool::close(&self)"));
        assert!(is_kept("impl core::marker::Send for pool::Pool"));
        assert!(is_kept("impl !core::marker::Sync for pool::Pool"));
        assert!(is_kept("impl core::marker::Unpin for pool::Pool"));
        assert!(!is_kept("impl core::marker::Freeze for pool::Pool"));
        assert!(!is_kept("impl !core::panic::unwind_safe::UnwindSafe for pool::Pool"));
    }
}
