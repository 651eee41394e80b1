//! What the sources of the inventory said when they were last believed, on disk, for a start at
//! which one of them is away.
//!
//! A record is what its source needs to declare the same again, in the source's own words, and no
//! secret that the source does not hold in the clear itself: of a file its text, in which secrets
//! are references (`${NAME}`, `file:`, `command:`) or literal, as they stand there; of Zabbix the
//! macros of its hosts without the passwords. Records are readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scheduler::{Inventory, SourceRecord};
use serde::{Deserialize, Serialize};
use tracing::warn;

/// The only version so far. Records of others are passed over.
const VERSION: u32 = 1;
/// The largest record: twice the largest inventory file, as text in JSON.
const RECORD_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The directory of the records.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    directory: PathBuf,
}

/// What a source said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    /// Where the source had it from: what another place says is not the same.
    pub(crate) origin: String,
    /// When it was said.
    #[serde(with = "rfc3339")]
    pub(crate) saved_at: Timestamp,
    /// What was said.
    pub(crate) text: String,
}

/// What was made of a record, for as long as its source is away.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) inventory: Inventory,
    /// How many of its lines cannot be checked.
    pub(crate) unchecked: usize,
    /// When its source said it.
    pub(crate) as_of: Timestamp,
}

impl From<SourceRecord> for Record {
    fn from(SourceRecord { origin, text }: SourceRecord) -> Self {
        Self { version: VERSION, origin, saved_at: Timestamp::now(), text }
    }
}

impl Kept {
    /// The directory beside the known hosts.
    pub(crate) fn beside(known_hosts: &Path) -> Self {
        Self { directory: known_hosts.with_file_name("inventory") }
    }

    /// Puts `record` in the place of the one of `source` that is there. Whatever happens, one of
    /// them is there whole.
    ///
    /// # Errors
    ///
    /// When the disk does not take it, or it is too large to be read again.
    pub(crate) fn save(&self, source: &str, record: &Record) -> io::Result<()> {
        let bytes = serde_json::to_vec(record)?;
        if bytes.len() as u64 > RECORD_BYTES_MAX {
            return Err(too_large());
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let path = self.path(source);
        let fresh = path.with_extension("new");
        // One that a crash has left has perhaps not the right mode.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&self.directory)?.sync_all()
    }

    /// Saves on a thread of its own, so that a disk that hangs keeps nobody waiting, and says when
    /// that fails.
    pub(crate) fn save_aside(&self, source: &str, record: SourceRecord) {
        let (kept, source) = (self.clone(), source.to_owned());
        let saving = move || {
            if let Err(error) = kept.save(&source, &record.into()) {
                let directory = kept.directory.display();
                warn!(%directory, source, %error, "the inventory is not kept for the next start");
            }
        };
        let thread = std::thread::Builder::new().name("inventory".to_owned()).spawn(saving);
        if let Err(error) = thread {
            warn!(%error, "no thread to keep the inventory on");
        }
    }

    /// The record of `source`, if there is one from `origin` that can be read.
    pub(crate) fn load(&self, source: &str, origin: &str) -> Option<Record> {
        let path = self.path(source);
        let record = match read(&path) {
            Ok(record) => record,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(path = %path.display(), %error, "what was kept of the inventory is unreadable");
                return None;
            }
        };
        (record.version == VERSION && record.origin == origin).then_some(record)
    }

    fn path(&self, source: &str) -> PathBuf {
        self.directory.join(format!("{source}.json"))
    }
}

fn read(path: &Path) -> io::Result<Record> {
    let mut bytes = Vec::new();
    File::open(path)?.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(too_large());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

fn too_large() -> io::Error {
    io::Error::other("it is larger than 32 MiB")
}

/// A time as text.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn record(origin: &str, text: &str) -> Record {
        SourceRecord { origin: origin.to_owned(), text: text.to_owned() }.into()
    }

    #[test]
    fn a_record_comes_back_for_its_owner_only_and_only_from_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::beside(&folder.path().join("known_hosts"));
        assert_eq!(kept.load("configuration", "lines.yaml"), None);
        for text in ["lines: []", "lines: [{ id: L1 }]"] {
            let record = record("lines.yaml", text);
            kept.save("configuration", &record).unwrap();
            assert_eq!(kept.load("configuration", "lines.yaml"), Some(record));
        }
        assert_eq!(kept.load("configuration", "other.yaml"), None);
        assert_eq!(kept.load("zabbix", "lines.yaml"), None);
        let mode = |path: &str| {
            let found = fs::metadata(folder.path().join(path)).unwrap();
            found.permissions().mode() & 0o777
        };
        assert_eq!((mode("inventory"), mode("inventory/configuration.json")), (0o700, 0o600));
    }

    #[test]
    fn a_torn_record_and_one_of_another_version_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::beside(&folder.path().join("known_hosts"));
        let record = record("x", "text");
        kept.save("s", &Record { version: 2, ..record.clone() }).unwrap();
        assert_eq!(kept.load("s", "x"), None);
        let whole = serde_json::to_vec(&record).unwrap();
        for end in 0..whole.len() {
            fs::write(kept.path("s"), &whole[..end]).unwrap();
            assert_eq!(kept.load("s", "x"), None, "{end}");
        }
    }
}
