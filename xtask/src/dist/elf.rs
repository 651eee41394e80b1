//! What a binary needs of the system that runs it, as Debian's packages.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run::printed;

/// Debian's packages of the shared libraries that the binary may need, and the first version
/// that will do where the names of symbols do not tell it.
const PACKAGES: &[(&str, &str, Option<&str>)] = &[
    ("libc.so.6", "libc6", None),
    ("libm.so.6", "libc6", None),
    ("libdl.so.2", "libc6", None),
    ("libpthread.so.0", "libc6", None),
    ("librt.so.1", "libc6", None),
    ("ld-linux-x86-64.so.2", "libc6", None),
    ("ld-linux-aarch64.so.1", "libc6", None),
    ("libgcc_s.so.1", "libgcc-s1", Some("4.2")),
    // Of a binary of daily work only: that of a release brings its own.
    ("libz.so.1", "zlib1g", Some("1:1.2.0")),
];

/// The dependencies that a package of `program` must declare.
///
/// # Errors
///
/// When it needs a library of which no package is known.
pub(crate) fn packages_needed(program: &Path) -> Result<Vec<String>> {
    let dynamic = printed(Command::new("objdump").arg("-p").arg(program))?;
    of_headers(&dynamic).with_context(|| format!("{}", program.display()))
}

fn of_headers(text: &str) -> Result<Vec<String>> {
    let needed = text.lines().filter_map(|line| line.trim().strip_prefix("NEEDED"));
    let mut found = Vec::new();
    for library in needed.map(str::trim) {
        let package = PACKAGES.iter().find(|(name, ..)| *name == library);
        let (_, package, since) =
            package.with_context(|| format!("no Debian package is known for {library}"))?;
        let since = match (*package, since) {
            ("libc6", _) => newest_glibc(text).context("it names no version of glibc")?,
            (_, since) => since.map(str::to_owned).unwrap_or_default(),
        };
        let entry = format!("{package} (>= {since})");
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    ensure!(!found.is_empty(), "it needs no shared library, which is not how it is built");
    Ok(found)
}

/// The newest version of glibc of which a symbol is used.
fn newest_glibc(text: &str) -> Option<String> {
    let versions = text.split_whitespace().filter_map(|word| {
        let version = word.strip_prefix("GLIBC_")?;
        let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        Some((numbers?, version.to_owned()))
    });
    versions.max().map(|(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "
Dynamic Section:
  NEEDED               libgcc_s.so.1
  NEEDED               libm.so.6
  NEEDED               libc.so.6

Version References:
  required from libc.so.6:
    0x09691a75 0x00 07 GLIBC_2.2.5
    0x069691b4 0x00 02 GLIBC_2.34
    0x0d696914 0x00 04 GLIBC_2.4
";

    #[test]
    fn the_newest_symbol_tells_the_oldest_library_that_will_do() {
        let needed = of_headers(HEADERS).unwrap();
        assert_eq!(needed, ["libgcc-s1 (>= 4.2)", "libc6 (>= 2.34)"]);
    }

    #[test]
    fn a_library_of_which_no_package_is_known_is_an_error() {
        let error = of_headers("  NEEDED  libsome.so.1\n").unwrap_err();
        assert!(format!("{error:#}").contains("libsome.so.1"), "{error:#}");
    }
}
