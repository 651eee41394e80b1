//! The section `file`: outcomes as JSON Lines in a file.

use std::path::PathBuf;

use super::Surroundings;
use super::section::Section;
use super::spool::size_within;
use super::value::{integer, word};

/// Enough for about 200,000 outcomes.
const BYTES_MAX_DEFAULT: u64 = 100 << 20;
/// A batch of outcomes is not divided.
const BYTES_MIN: u64 = 1 << 20;
const BYTES_MAX: u64 = 1 << 40;
const FILES_DEFAULT: usize = 5;
/// One that is full, and one to write to.
const FILES_MIN: usize = 2;
const FILES_MAX: usize = 1000;

/// Where to write outcomes, and how much of them to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSettings {
    /// The file that is written to. Older ones are `PATH.1`, `PATH.2` and so on.
    pub(crate) path: PathBuf,
    /// A file that would become larger is followed by a new one.
    pub(crate) bytes_max: u64,
    /// How many files there are, the one that is written to included.
    pub(crate) files_max: usize,
}

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>, around: &Surroundings<'_>) -> Option<FileSettings> {
    let path = section.require("path", word);
    let bytes_max = section.get("max_size", size_within(BYTES_MIN, BYTES_MAX));
    let files_max = section.get("max_files", integer(FILES_MIN..=FILES_MAX));
    Some(FileSettings {
        path: around.directory.join(path?),
        bytes_max: bytes_max.unwrap_or(BYTES_MAX_DEFAULT),
        files_max: files_max.unwrap_or(FILES_DEFAULT),
    })
}
