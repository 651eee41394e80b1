//! Archives that are the same, byte for byte, whoever writes them: entries in order, owned by root,
//! dated by the release.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

/// Files by their path, relative and without a dot in front.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, File>);

#[derive(Clone, Debug)]
struct File {
    mode: u32,
    bytes: Vec<u8>,
}

impl Tree {
    /// Adds a file that everyone may read.
    pub(crate) fn add(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.add_with_mode(path, 0o644, bytes);
    }

    /// Adds a file that everyone may run.
    pub(crate) fn add_program(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.add_with_mode(path, 0o755, bytes);
    }

    /// Adds a file.
    pub(crate) fn add_with_mode(
        &mut self,
        path: impl Into<String>,
        mode: u32,
        bytes: impl Into<Vec<u8>>,
    ) {
        self.0.insert(path.into(), File { mode, bytes: bytes.into() });
    }

    /// Path and contents of every file, in order.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, file)| (path.as_str(), file.bytes.as_slice()))
    }

    /// The tar archive of it, with every path below `root`, which ends with a slash.
    pub(crate) fn tar(&self, root: &str, epoch: i64) -> Result<Vec<u8>> {
        ensure!(root.ends_with('/'), "the root {root:?} of an archive ends with no slash");
        let mtime = u64::try_from(epoch).context("an archive cannot be dated before 1970")?;
        let mut archive = tar::Builder::new(Vec::new());
        archive.append(&header(root, EntryType::Directory, 0o755, 0, mtime)?, &[][..])?;
        let mut folders = Vec::new();
        for (path, file) in &self.0 {
            for (end, _) in path.match_indices('/') {
                let folder = format!("{root}{}/", &path[..end]);
                if !folders.contains(&folder) {
                    let header = header(&folder, EntryType::Directory, 0o755, 0, mtime)?;
                    archive.append(&header, &[][..])?;
                    folders.push(folder);
                }
            }
            let path = format!("{root}{path}");
            let size = file.bytes.len() as u64;
            let header = header(&path, EntryType::Regular, file.mode, size, mtime)?;
            archive.append(&header, file.bytes.as_slice())?;
        }
        archive.into_inner().context("cannot end an archive")
    }
}

fn header(path: &str, kind: EntryType, mode: u32, size: u64, mtime: u64) -> Result<Header> {
    let mut header = Header::new_gnu();
    // Not `set_path`, which drops the `./` that dpkg wants in front.
    let field = &mut header.as_gnu_mut().context("a GNU header")?.name;
    ensure!(path.len() < field.len(), "{path:?} is too long for an archive");
    field[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(mtime);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_cksum();
    Ok(header)
}

/// `bytes`, compressed, without name and date.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish().context("cannot compress")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_owner_and_date_do_not_depend_on_who_writes() {
        let (mut one, mut other) = (Tree::default(), Tree::default());
        one.add("a/b", "1");
        one.add_program("a/c/d", "2");
        other.add_program("a/c/d", "2");
        other.add("a/b", "1");
        let written = one.tar("root/", 1_000).unwrap();
        assert_eq!(written, other.tar("root/", 1_000).unwrap());
        assert_ne!(written, one.tar("root/", 1_001).unwrap());

        let mut archive = tar::Archive::new(written.as_slice());
        let entries: Vec<_> = archive.entries().unwrap().map(Result::unwrap).collect();
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| {
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap())
            })
            .collect();
        let expected = [
            ("root/", 0o755),
            ("root/a/", 0o755),
            ("root/a/b", 0o644),
            ("root/a/c/", 0o755),
            ("root/a/c/d", 0o755),
        ];
        assert_eq!(seen, expected.map(|(path, mode)| (path.to_owned(), mode, 0, 1_000)));
    }

    #[test]
    fn what_is_compressed_has_no_date() {
        let packed = gzip(b"some").unwrap();
        assert_eq!(packed[4..8], [0, 0, 0, 0]);
    }
}
