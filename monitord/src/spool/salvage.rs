//! Takes over what is readable in a file that is not whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Result;
use tokio::time::Instant;

use super::database::Checked;
use super::{Database, Directory};

/// How long it may take: monitoring waits for it. 1 GiB takes about 20 s.
const TIME_MAX: Duration = Duration::from_secs(60);
/// How many records are taken over at once.
const CHUNK_RECORDS: usize = 1000;

/// What became of a damaged file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rescue {
    /// Where it is now.
    pub(crate) aside: PathBuf,
    /// Records that were taken over.
    pub(crate) saved: u64,
    /// Records that were there and are not as they were written.
    pub(crate) damaged: u64,
    /// Whether there may be more in the file that could not be reached.
    pub(crate) cut_short: bool,
}

/// Sets the database of `directory` aside and opens a new one with all that is readable in it.
///
/// # Errors
///
/// When the old one cannot be renamed, or no new one can be made.
pub(crate) fn rescue(directory: &Directory, now: Timestamp) -> anyhow::Result<(Database, Rescue)> {
    let aside = directory.set_aside(now)?;
    let mut fresh = Database::open(&directory.database())?;
    let mut rescue = Rescue { aside: aside.clone(), ..Rescue::default() };
    if aside.exists() && take_over(&aside, &mut fresh, &mut rescue).is_err() {
        rescue.cut_short = true;
    }
    Ok((fresh, rescue))
}

/// From the beginning up to the damage, and then from the end back to it.
fn take_over(aside: &Path, fresh: &mut Database, rescue: &mut Rescue) -> Result<()> {
    let damaged = Database::open_to_read(aside)?;
    let end = Instant::now() + TIME_MAX;
    copy_sinks(&damaged, fresh).or_else(|_| Ok::<_, rusqlite::Error>(()))?;
    let mut from = 0;
    let forwards = loop {
        match damaged.read(from, i64::MAX as u64, CHUNK_RECORDS) {
            Ok(rows) if rows.is_empty() => break Ok(()),
            Ok(rows) => from = keep(fresh, rows, rescue)?.1 + 1,
            Err(error) => break Err(error),
        }
        if Instant::now() >= end {
            rescue.cut_short = true;
            return Ok(());
        }
    };
    if forwards.is_ok() {
        return Ok(());
    }
    rescue.cut_short = true;
    // One by one on the way to the damage: a chunk that touches it is lost as a whole.
    while let Ok(rows) = damaged.read(from, i64::MAX as u64, 1) {
        if rows.is_empty() || Instant::now() >= end {
            return Ok(());
        }
        from = keep(fresh, rows, rescue)?.1 + 1;
    }
    let mut to = i64::MAX as u64;
    let mut chunk = CHUNK_RECORDS;
    while Instant::now() < end {
        match damaged.read_back(from, to, chunk) {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => to = keep(fresh, rows, rescue)?.0,
            Err(_) if chunk > 1 => chunk = 1,
            Err(_) => break,
        }
    }
    Ok(())
}

fn copy_sinks(damaged: &Database, fresh: &mut Database) -> Result<()> {
    for sink in damaged.sinks()? {
        let held = damaged.held(&sink.name)?;
        let write = fresh.begin()?;
        write.put_sink(&sink.name, &sink.progress)?;
        for held in &held {
            write.hold(&sink.name, held)?;
        }
        write.commit()?;
    }
    Ok(())
}

/// Writes the good ones of `rows`, and returns the lowest and the highest number among all.
fn keep(fresh: &mut Database, rows: Vec<Checked>, rescue: &mut Rescue) -> Result<(u64, u64)> {
    let seq = |row: &Checked| row.as_ref().map_or_else(|seq| *seq, |record| record.seq);
    let lowest = rows.iter().map(seq).min().unwrap_or(0);
    let highest = rows.iter().map(seq).max().unwrap_or(0);
    let good: Vec<_> = rows.iter().filter_map(|row| row.as_ref().ok()).collect();
    let write = fresh.begin()?;
    write.insert(good.iter().copied())?;
    write.commit()?;
    rescue.saved += good.len() as u64;
    rescue.damaged += (rows.len() - good.len()) as u64;
    Ok((lowest, highest))
}
