//! The files that a load has read, and as what it found each of them: so that whoever follows the
//! configuration notices when one of them is another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use driver_cli::DefinitionFile;
use openssl::sha::{Sha256, sha256};

/// How many bytes of the digest are shown. Enough to tell configurations apart, and a whole number
/// that a metric can hold.
const DIGEST_BYTES: usize = 6;

/// What tells a file from the one that stood in its place. Links are followed, so that a link that
/// points elsewhere now is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// A file can be written to and its time of change set back.
    changed: (i64, i64),
}

impl From<Metadata> for Stamp {
    fn from(found: Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl Stamp {
    /// That of the file at `path`; none when there is none that can be looked at.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(Self::from)
    }
}

/// The files and directories that were read, and as what they were found before that.
pub(crate) type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// Notes what a load reads. Cheap to clone; all clones note in the same place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(Rc<RefCell<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    stamps: Stamps,
    /// Those of the texts that say what is configured. Secrets are not among them: a digest would
    /// let them be guessed at.
    digests: BTreeMap<PathBuf, [u8; 32]>,
}

impl Files {
    /// `path` is about to be read. What was noted first counts.
    pub(crate) fn note(&self, path: &Path) {
        let mut noted = self.0.borrow_mut();
        if !noted.stamps.contains_key(path) {
            noted.stamps.insert(path.to_owned(), Stamp::of(path));
        }
    }

    /// The text of the configuration that was found at `path`.
    pub(crate) fn note_text(&self, path: &Path, text: &str) {
        self.0.borrow_mut().digests.insert(path.to_owned(), sha256(text.as_bytes()));
    }

    /// The files, as they were found.
    pub(crate) fn stamps(&self) -> Stamps {
        self.0.borrow().stamps.clone()
    }

    /// A digest of what is configured: of the texts, of the `definitions` and of the `overrides`.
    pub(crate) fn digest(
        &self,
        definitions: &[DefinitionFile],
        overrides: &[(String, String)],
    ) -> Digest {
        let mut all = Sha256::new();
        self.0.borrow().digests.values().for_each(|one| all.update(one));
        definitions.iter().for_each(|file| all.update(&sha256(file.text().as_bytes())));
        for (key, value) in overrides {
            all.update(&sha256(format!("{key}={value}").as_bytes()));
        }
        let mut short = [0; DIGEST_BYTES];
        short.copy_from_slice(&all.finish()[..DIGEST_BYTES]);
        Digest(short)
    }
}

/// Tells configurations apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// As a number, which a metric can hold without loss.
    pub(crate) fn as_number(self) -> u64 {
        self.0.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_points_elsewhere_and_a_file_that_was_replaced_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("one"), "same").unwrap();
        fs::write(at("two"), "same").unwrap();
        std::os::unix::fs::symlink(at("one"), at("link")).unwrap();
        let first = Stamp::of(&at("link"));
        assert_eq!(first, Stamp::of(&at("one")));
        std::os::unix::fs::symlink(at("two"), at("fresh")).unwrap();
        fs::rename(at("fresh"), at("link")).unwrap();
        assert_ne!(Stamp::of(&at("link")), first);
        fs::write(at("new"), "same").unwrap();
        let before = Stamp::of(&at("two"));
        fs::rename(at("new"), at("two")).unwrap();
        assert_ne!(Stamp::of(&at("two")), before);
        assert_eq!(Stamp::of(&at("absent")), None);
    }

    #[test]
    fn a_digest_tells_configurations_apart() {
        let digest = |text: &str, value: &str| {
            let files = Files::default();
            files.note_text(Path::new("monitord.yaml"), text);
            files.digest(&[], &[("log.level".to_owned(), value.to_owned())])
        };
        assert_eq!(digest("a", "info"), digest("a", "info"));
        assert_ne!(digest("a", "info"), digest("b", "info"));
        assert_ne!(digest("a", "info"), digest("a", "debug"));
        assert_eq!(digest("a", "info").to_string().len(), 2 * DIGEST_BYTES);
        assert_eq!(format!("{:012x}", digest("a", "x").as_number()), digest("a", "x").to_string());
    }
}
