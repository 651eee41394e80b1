//! Checksums.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Writes `SHA256SUMS` beside `paths`, in the form that `sha256sum -c` reads.
pub(crate) fn write(folder: &Path, paths: &[PathBuf]) -> Result<()> {
    let mut lines = Vec::new();
    for path in paths {
        let bytes = fs::read(path).with_context(|| format!("cannot read {path:?}"))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        lines.push(format!("{}  {name}\n", hex(&Sha256::digest(&bytes))));
    }
    lines.sort_by(|one, other| one[64..].cmp(&other[64..]));
    fs::write(folder.join("SHA256SUMS"), lines.concat()).context("cannot write SHA256SUMS")
}

/// As people write digests.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}
