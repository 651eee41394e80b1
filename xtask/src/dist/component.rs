//! What the binary is made of: crates, and the C libraries that some of them bring along.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::graph::{Graph, Package};
use crate::run::printed;

/// A C library in the source of a crate.
struct Bundled {
    name: &'static str,
    /// The crate.
    within: &'static str,
    licence: &'static str,
    /// Where in the crate its version is defined, and by which macro.
    version: (&'static str, &'static str),
    /// Where in the crate its licence is, where it asks for one.
    notice: Option<&'static str>,
    /// How vulnerability databases call its maker and it.
    cpe: &'static str,
}

const BUNDLED: &[Bundled] = &[
    Bundled {
        name: "openssl",
        within: "openssl-src",
        licence: "Apache-2.0",
        version: ("openssl/VERSION.dat", "MAJOR"),
        notice: Some("openssl/LICENSE.txt"),
        cpe: "openssl:openssl",
    },
    Bundled {
        name: "libssh2",
        within: "libssh2-sys",
        licence: "BSD-3-Clause",
        version: ("libssh2/include/libssh2.h", "LIBSSH2_VERSION"),
        notice: Some("libssh2/COPYING"),
        cpe: "libssh2:libssh2",
    },
    Bundled {
        name: "sqlite",
        within: "libsqlite3-sys",
        licence: "blessing",
        version: ("sqlite3/sqlite3.h", "SQLITE_VERSION"),
        notice: None,
        cpe: "sqlite:sqlite",
    },
    Bundled {
        name: "zlib",
        within: "libz-sys",
        licence: "Zlib",
        version: ("src/zlib/zlib.h", "ZLIB_VERSION"),
        notice: Some("src/zlib/LICENSE"),
        cpe: "zlib:zlib",
    },
];

/// A part of the binary that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct Component {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence, as an SPDX expression.
    pub(crate) licence: String,
    /// Its package URL, which is its identity.
    pub(crate) purl: String,
    /// The name under which vulnerability databases know it, if it is no crate.
    pub(crate) cpe: Option<String>,
    /// What has to be said of it wherever the binary goes.
    pub(crate) notices: Vec<String>,
}

/// Every foreign crate of which code is in the binary or that wrote some of it, and every library
/// that those bring.
pub(crate) fn components(graph: &Graph) -> Result<Vec<Component>> {
    let used = used_crates()?;
    let mut found = Vec::new();
    for package in graph.packages.iter().filter(|package| !graph.is_member(package)) {
        if used.contains(&(package.name.clone(), package.version.clone())) {
            found.push(of_crate(package)?);
            let bundled = BUNDLED.iter().filter(|bundled| bundled.within == package.name);
            for bundled in bundled {
                found.push(of_library(bundled, package)?);
            }
        }
    }
    ensure!(!found.is_empty(), "nothing foreign is in the binary, which cannot be");
    found.sort_by(|one, other| one.purl.cmp(&other.purl));
    Ok(found)
}

/// Name and version of the crates that a build of the binary uses. `cargo metadata` does not know:
/// it unites the features of all that is in the workspace.
fn used_crates() -> Result<BTreeSet<(String, String)>> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--package", "monitord", "--edges", "normal,build"]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    let used = printed(&mut tree)?;
    let parts = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        Some((name, words.next()?.trim_start_matches('v').to_owned()))
    };
    Ok(used.lines().filter_map(parts).collect())
}

fn of_crate(package: &Package) -> Result<Component> {
    let Package { name, version, .. } = package;
    let licence = package.license.clone().with_context(|| format!("{name} has no licence"))?;
    Ok(Component {
        purl: format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")),
        name: name.clone(),
        version: version.clone(),
        // As Cargo once separated alternatives.
        licence: licence.replace('/', " OR "),
        cpe: None,
        notices: notices(package.folder()?)?,
    })
}

fn of_library(bundled: &Bundled, package: &Package) -> Result<Component> {
    let folder = package.folder()?;
    let Bundled { name, licence, cpe, .. } = bundled;
    let (file, key) = bundled.version;
    let path = folder.join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let version = match key {
        "MAJOR" => version_of_parts(&text),
        _ => version_of_macro(&text, key),
    };
    let version = version.with_context(|| format!("{path:?} tells no version"))?;
    let notices = match bundled.notice {
        Some(notice) => vec![read_notice(&folder.join(notice))?],
        None => Vec::new(),
    };
    Ok(Component {
        purl: format!("pkg:generic/{name}@{version}"),
        name: (*name).to_owned(),
        licence: (*licence).to_owned(),
        cpe: Some(format!("cpe:2.3:a:{cpe}:{version}:*:*:*:*:*:*:*")),
        version,
        notices,
    })
}

/// `#define KEY "1.2.3"`. What follows the figures says only that it is no release of its makers.
fn version_of_macro(header: &str, key: &str) -> Option<String> {
    let defined = header.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "#define" && words.next()? == key).then(|| words.next())?
    })?;
    let version = defined.trim_matches('"').trim_end_matches("_DEV");
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

/// `MAJOR=1`, `MINOR=2`, `PATCH=3`.
fn version_of_parts(text: &str) -> Option<String> {
    let part = |name| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}

/// The texts of a crate's licences, in the order of their files.
fn notices(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && is_notice(path))
        .collect();
    paths.sort();
    paths.iter().map(|path| read_notice(path)).collect()
}

fn is_notice(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
        .iter()
        .any(|word| name.starts_with(word))
}

fn read_notice(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {path:?}"))?;
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_libraries_are_read_from_their_sources() {
        let header = "#define LIBSSH2_VERSION_MAJOR 1\n#define LIBSSH2_VERSION    \"1.11.2_DEV\"\n";
        assert_eq!(version_of_macro(header, "LIBSSH2_VERSION").as_deref(), Some("1.11.2"));
        assert_eq!(version_of_macro(header, "SQLITE_VERSION"), None);
        let parts = "MAJOR=3\nMINOR=6\nPATCH=3\nPRE_RELEASE_TAG=\n";
        assert_eq!(version_of_parts(parts).as_deref(), Some("3.6.3"));
        assert_eq!(version_of_parts("MAJOR=3\n"), None);
    }

    #[test]
    fn licences_are_known_by_the_name_of_their_file() {
        assert!(is_notice(Path::new("some/LICENSE-MIT")));
        assert!(is_notice(Path::new("some/copying.txt")));
        assert!(!is_notice(Path::new("some/README.md")));
    }
}
