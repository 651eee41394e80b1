//! Whatever became of the spool's file, it is opened or replaced, what can be read in it is read, and
//! nothing keeps a daemon from starting.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

#[path = "../../monitord/src/spool/database.rs"]
#[allow(dead_code)]
mod database;
#[path = "../../monitord/src/spool/directory.rs"]
#[allow(dead_code)]
mod directory;
#[path = "../../monitord/src/spool/progress.rs"]
#[allow(dead_code)]
mod progress;
#[path = "../../monitord/src/spool/record.rs"]
#[allow(dead_code)]
mod record;
#[path = "../../monitord/src/spool/salvage.rs"]
#[allow(dead_code)]
mod salvage;

use database::Database;
use directory::Directory;
use progress::{Held, Progress};
use record::Record;

/// Where `record` looks for how outcomes are written; none is here.
mod report {
    pub(crate) fn outcome_line(_: &scheduler::Outcome) -> String {
        String::new()
    }
}

const RECORDS: u64 = 40;

/// In memory, if the system has a place for that.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    parent.join(format!("monitord-fuzz-{}", std::process::id()))
});

/// A file as it is after a good stop.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = fresh().join("good.sqlite");
    let mut database = Database::open(&path).expect("there is room");
    let write = database.begin().expect("nobody else writes");
    let records: Vec<_> = (1..=RECORDS).map(record_of).collect();
    write.insert(records.iter()).expect("there is room");
    write.put_sink("zabbix", &Progress::starting_at(3)).expect("there is room");
    write.commit().expect("there is room");
    drop(database);
    fs::read(&path).expect("it was just written")
});

/// What becomes of the file: bytes over others, a cut, or another file altogether; and a log beside it.
type Damage<'a> = (Vec<(u32, u8)>, Option<u32>, Option<&'a [u8]>, Option<&'a [u8]>);

fuzz_target!(|damage: Damage<'_>| {
    let (edits, cut, other, log) = damage;
    let mut bytes = GOOD.clone();
    for (at, byte) in edits {
        let at = at as usize % bytes.len();
        bytes[at] = byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut as usize % (GOOD.len() + 1));
    }
    let directory = Directory::new(&fresh());
    let path = directory.database();
    fs::write(&path, other.unwrap_or(&bytes)).expect("there is room");
    if let Some(log) = log {
        fs::write(path.with_extension("sqlite-wal"), log).expect("there is room");
    }
    let mut database = match Database::open(&path) {
        Ok(database) => database,
        Err(_) => salvage::rescue(&directory, Timestamp::UNIX_EPOCH).expect("a new one is made").0,
    };
    if read_all(&database).is_err() {
        drop(database);
        let rescued = salvage::rescue(&directory, Timestamp::UNIX_EPOCH);
        database = rescued.expect("a new one is made").0;
        read_all(&database).expect("the new one is whole");
    }
});

fn read_all(database: &Database) -> rusqlite::Result<()> {
    let mut from = 0;
    loop {
        let rows = database.read(from, i64::MAX as u64, 7)?;
        let Some(last) = rows.last() else { break };
        let last = last.as_ref().map_or_else(|seq| *seq, |record| record.seq);
        assert!(last >= from, "{last} comes before {from}");
        let Some(next) = last.checked_add(1) else { break };
        from = next;
    }
    for sink in database.sinks()? {
        database.held(&sink.name)?;
    }
    database.bounds().map(drop)
}

/// An empty directory.
fn fresh() -> PathBuf {
    fs::remove_dir_all(&*PLACE).ok();
    fs::create_dir_all(&*PLACE).expect("there is room");
    PLACE.clone()
}

fn record_of(seq: u64) -> Record {
    Record {
        seq,
        line: format!("line-{}", seq % 4),
        clock: 1_766_390_400,
        ns: 1,
        status: (seq % 5 == 0).then(|| "CheckTimeout".to_owned()),
        outcome: r#"{"sent":5,"received":4}"#.to_owned(),
    }
}
