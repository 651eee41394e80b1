//! The records, how far each sink is with them, and what is kept how long. Blocking, and for one
//! owner: the spool's thread, or a command.

mod bounds;
mod commit;
mod damage;
mod open;
mod sinks;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::database::Checked;
use super::{Database, Directory, Held, Lane, Progress, Record, SpoolSettings};
use crate::metrics::SpoolMetrics;

/// How many records wait in memory while the disk takes none: minutes to hours, in about 12 MB.
pub(in crate::spool) const UNWRITTEN_MAX: usize = 20_000;

/// Everything that is kept.
#[derive(Debug)]
pub(in crate::spool) struct Store {
    database: Database,
    directory: Option<Directory>,
    settings: SpoolSettings,
    /// Records that are not written yet, the newest ones, in order.
    unwritten: VecDeque<Record>,
    /// The number of the next record.
    next_seq: u64,
    /// Below this nothing is left but what is held.
    trimmed: u64,
    sinks: Vec<SinkState>,
    /// Lines that may have records left only because something of them was held.
    released: Vec<String>,
    /// Rows that were found damaged.
    rotten: Vec<u64>,
    /// Until when nothing is written, because the disk took nothing.
    trouble: Option<Instant>,
    metrics: Arc<SpoolMetrics>,
}

/// What is known of a sink. What is here is right; the disk follows with the next commit.
#[derive(Debug)]
struct SinkState {
    name: &'static str,
    /// False for one that was there and is not configured any more. It keeps its place, by which
    /// others are called, and nothing waits for it.
    is_wanted: bool,
    progress: Progress,
    progress_changed: bool,
    held: BTreeMap<(String, String), Held>,
    held_changed: Vec<(String, String)>,
}

impl Store {
    /// Takes a record, to be written with the next commit.
    pub(in crate::spool) fn append(&mut self, mut record: Record) {
        if self.unwritten.len() >= UNWRITTEN_MAX
            && let Some(oldest) = self.unwritten.pop_front()
            && oldest.seq >= self.floor()
        {
            self.metrics.lost("disk").inc();
        }
        record.seq = self.next_seq;
        self.next_seq += 1;
        self.unwritten.push_back(record);
    }

    /// Whether the records outlive the process.
    pub(in crate::spool) fn is_durable(&self) -> bool {
        self.directory.is_some()
    }

    #[cfg(test)]
    pub(in crate::spool) fn database(&self) -> &Database {
        &self.database
    }

    /// How many records wait to be written.
    pub(in crate::spool) fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// The first number that sinks may not see yet. While the disk takes nothing they see what is
    /// in memory: better delivered than kept safe.
    pub(in crate::spool) fn head(&self) -> u64 {
        let unwritten = if self.trouble.is_some() { 0 } else { self.unwritten.len() as u64 };
        self.next_seq - unwritten
    }

    /// Up to `max` records that are next in a lane of a sink, oldest first.
    pub(in crate::spool) fn read(&mut self, sink: usize, lane: Lane, max: usize) -> Vec<Record> {
        let head = self.head();
        loop {
            let state = &mut self.sinks[sink];
            let floor = state.progress.floor();
            let next = state.progress.next(lane, head);
            state.progress_changed |= floor != state.progress.floor() || lane == Lane::Fresh;
            let Some(range) = next else { return Vec::new() };
            let rows = match self.database.read(range.from, range.to, max) {
                Ok(rows) => rows,
                Err(error) => {
                    self.note(&error);
                    return Vec::new();
                }
            };
            let last = rows.last().map(seq_of);
            let mut records = self.good(rows);
            let within = |record: &&Record| record.seq >= range.from && record.seq < range.to;
            let room = max.saturating_sub(records.len());
            records.extend(self.unwritten.iter().filter(within).take(room).cloned());
            if !records.is_empty() {
                return records;
            }
            // Nothing of this is left: it was dropped for its age, or it is not as it was written.
            self.settle(sink, lane, last.unwrap_or(range.to - 1));
        }
    }

    /// Up to `max` records of a line, from `from` on, as far as sinks may see them.
    pub(in crate::spool) fn read_line(&mut self, line: &str, from: u64, max: usize) -> Vec<Record> {
        let head = self.head();
        let mut records = match self.database.read_line(line, from, head, max) {
            Ok(rows) => self.good(rows),
            Err(error) => {
                self.note(&error);
                return Vec::new();
            }
        };
        let within =
            |record: &&Record| record.line == line && record.seq >= from && record.seq < head;
        let room = max.saturating_sub(records.len());
        records.extend(self.unwritten.iter().filter(within).take(room).cloned());
        records
    }

    /// A sink has settled everything up to `through` in a lane.
    pub(in crate::spool) fn settle(&mut self, sink: usize, lane: Lane, through: u64) {
        let sink = &mut self.sinks[sink];
        sink.progress.settle(lane, through);
        sink.progress_changed = true;
    }

    /// The values of an item are kept back from `held.from` on.
    pub(in crate::spool) fn hold(&mut self, sink: usize, held: Held) {
        let key = (held.line.clone(), held.item.clone());
        self.sinks[sink].held_changed.push(key.clone());
        self.sinks[sink].held.insert(key, held);
    }

    /// The values of an item are no longer kept back.
    pub(in crate::spool) fn release(&mut self, sink: usize, line: &str, item: &str) {
        let key = (line.to_owned(), item.to_owned());
        if self.sinks[sink].held.remove(&key).is_some() {
            self.sinks[sink].held_changed.push(key);
            self.released.push(line.to_owned());
        }
    }

    /// What is held for a sink.
    pub(in crate::spool) fn held(&self, sink: usize) -> Vec<Held> {
        self.sinks[sink].held.values().cloned().collect()
    }

    /// How many records a sink has not settled, without what is held.
    pub(in crate::spool) fn pending(&self, sink: usize) -> u64 {
        self.sinks[sink].progress.pending(self.next_seq)
    }

    /// The first record that somebody has not settled.
    fn floor(&self) -> u64 {
        let wanted = self.sinks.iter().filter(|sink| sink.is_wanted);
        let floors = wanted.map(|sink| sink.progress.floor());
        floors.min().unwrap_or(self.next_seq)
    }
}

fn seq_of(row: &Checked) -> u64 {
    row.as_ref().map_or_else(|seq| *seq, |record| record.seq)
}
