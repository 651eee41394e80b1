//! The records, how far each sink is with them, and what is kept how long. Blocking, and for one
//! owner: the spool's thread, or a command.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::database::{Checked, is_damaged};
use super::salvage::Rescue;
use super::{Database, Directory, Held, Lane, Progress, Record, SpoolSettings, rescue};
use crate::metrics::SpoolMetrics;

/// How many records wait in memory while the disk takes none: minutes to hours, in about 12 MB.
pub(super) const UNWRITTEN_MAX: usize = 20_000;
/// How much room the records may take when there is no directory for them.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// The pause between attempts to write, while the disk takes nothing.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How many numbers are looked at for removal with one commit, so that none takes long.
const TRIM_RECORDS_MAX: u64 = 2000;
/// How many records are looked at for their age at once.
const AGE_WINDOW: usize = 10_000;
/// The part of the records that goes when there is no room: so that it is not done each time.
const SIZE_SHARE: u64 = 50;
/// The least number of records that go for want of room.
const SIZE_RECORDS_MIN: u64 = 1000;
/// Free pages that are given back to the file system at once: 1 MiB.
const SHRINK_PAGES: u32 = 256;

/// Everything that is kept.
#[derive(Debug)]
pub(super) struct Store {
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
    progress: Progress,
    progress_changed: bool,
    held: BTreeMap<(String, String), Held>,
    held_changed: Vec<(String, String)>,
}

impl Store {
    /// Opens what `settings` name, for these sinks. A file that is damaged is set aside. When
    /// there can be none, the records are kept in memory.
    ///
    /// # Errors
    ///
    /// When not even memory can be had.
    pub(super) fn open(
        settings: &SpoolSettings,
        names: &[&'static str],
        metrics: Arc<SpoolMetrics>,
    ) -> Result<Self> {
        let mut directory = settings.directory.as_deref().map(Directory::new);
        let (database, rescued) = match &directory {
            None => (Database::in_memory()?, false),
            Some(at) => match open_or_rescue(at, &metrics) {
                Ok(opened) => opened,
                Err(error) => {
                    error!(
                        directory = %at.path().display(),
                        error = format!("{error:#}"),
                        "the spool cannot be opened: until the next start outcomes wait in memory, \
                         and a crash loses them"
                    );
                    directory = None;
                    (Database::in_memory()?, false)
                }
            },
        };
        metrics.durable.set(i64::from(directory.is_some()));
        let mut store = Self {
            database,
            directory,
            settings: settings.clone(),
            unwritten: VecDeque::new(),
            next_seq: 1,
            trimmed: 0,
            sinks: Vec::new(),
            released: Vec::new(),
            rotten: Vec::new(),
            trouble: None,
            metrics,
        };
        store.load(names, rescued)?;
        Ok(store)
    }

    /// Reads how far everyone is. A sink that is new begins with what comes next; after a damage
    /// that took the progress, with all there is.
    fn load(&mut self, names: &[&'static str], rescued: bool) -> Result<()> {
        let bounds = self.database.bounds()?;
        let known = self.database.sinks()?;
        let ends = known.iter().map(|sink| sink.progress.end());
        let last = bounds.map_or(0, |(_, last)| last);
        self.next_seq = ends.chain([last + 1, self.next_seq]).max().unwrap_or(1);
        self.trimmed = bounds.map_or(self.next_seq, |(first, _)| first);
        let mut sinks = Vec::new();
        for &name in names {
            let begin = if rescued { self.trimmed } else { self.next_seq };
            let found = known.iter().find(|sink| sink.name == name);
            let progress =
                found.map_or_else(|| Progress::starting_at(begin), |sink| sink.progress.clone());
            let held = self.database.held(name)?.into_iter();
            let held = held.map(|held| ((held.line.clone(), held.item.clone()), held)).collect();
            let progress_changed = found.is_none();
            sinks.push(SinkState {
                name,
                progress,
                progress_changed,
                held,
                held_changed: Vec::new(),
            });
        }
        self.sinks = sinks;
        let gone: Vec<_> = known.iter().filter(|sink| !names.contains(&&*sink.name)).collect();
        if !gone.is_empty() {
            let write = self.database.begin()?;
            for sink in gone {
                let records = sink.progress.pending(self.next_seq);
                info!(
                    sink = sink.name,
                    records, "a sink is gone: what it had not taken is dropped"
                );
                write.remove_sink(&sink.name)?;
            }
            write.commit()?;
        }
        Ok(())
    }

    /// Takes a record, to be written with the next commit.
    pub(super) fn append(&mut self, mut record: Record) {
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
    pub(super) fn is_durable(&self) -> bool {
        self.directory.is_some()
    }

    #[cfg(test)]
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// How many records wait to be written.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// The first number that sinks may not see yet. While the disk takes nothing they see what is
    /// in memory: better delivered than kept safe.
    pub(super) fn head(&self) -> u64 {
        let unwritten = if self.trouble.is_some() { 0 } else { self.unwritten.len() as u64 };
        self.next_seq - unwritten
    }

    /// Up to `max` records that are next in a lane of a sink, oldest first.
    pub(super) fn read(&mut self, sink: usize, lane: Lane, max: usize) -> Vec<Record> {
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
    pub(super) fn read_line(&mut self, line: &str, from: u64, max: usize) -> Vec<Record> {
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
    pub(super) fn settle(&mut self, sink: usize, lane: Lane, through: u64) {
        let sink = &mut self.sinks[sink];
        sink.progress.settle(lane, through);
        sink.progress_changed = true;
    }

    /// The values of an item are kept back from `held.from` on.
    pub(super) fn hold(&mut self, sink: usize, held: Held) {
        let key = (held.line.clone(), held.item.clone());
        self.sinks[sink].held_changed.push(key.clone());
        self.sinks[sink].held.insert(key, held);
    }

    /// The values of an item are no longer kept back.
    pub(super) fn release(&mut self, sink: usize, line: &str, item: &str) {
        let key = (line.to_owned(), item.to_owned());
        if self.sinks[sink].held.remove(&key).is_some() {
            self.sinks[sink].held_changed.push(key);
            self.released.push(line.to_owned());
        }
    }

    /// What is held for a sink.
    pub(super) fn held(&self, sink: usize) -> Vec<Held> {
        self.sinks[sink].held.values().cloned().collect()
    }

    /// How many records a sink has not settled, without what is held.
    pub(super) fn pending(&self, sink: usize) -> u64 {
        self.sinks[sink].progress.pending(self.next_seq)
    }

    /// Makes everything durable that came since the last time, and removes what nobody needs any
    /// more. A disk that takes nothing is reported once, and tried again after a pause.
    pub(super) fn commit(&mut self, now: Instant) {
        if self.trouble.is_some_and(|until| now < until) {
            return;
        }
        match self.write() {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    info!(records = self.unwritten.len(), "the spool can be written again");
                }
                self.metrics.written.inc_by(self.unwritten.len() as u64);
                self.unwritten.clear();
                self.released.clear();
                self.rotten.clear();
                for sink in &mut self.sinks {
                    sink.progress_changed = false;
                    sink.held_changed.clear();
                }
            }
            Err(error) => self.note(&error),
        }
    }

    /// The first record that somebody has not settled.
    fn floor(&self) -> u64 {
        let floors = self.sinks.iter().map(|sink| sink.progress.floor());
        floors.min().unwrap_or(self.next_seq)
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let unwritten_from = self.unwritten.front().map_or(self.next_seq, |record| record.seq);
        let floor = Ord::min(self.floor(), unwritten_from);
        let trim = Ord::min(floor, self.trimmed + TRIM_RECORDS_MAX);
        let is_idle = self.unwritten.is_empty()
            && self.released.is_empty()
            && self.rotten.is_empty()
            && trim <= self.trimmed
            && self.sinks.iter().all(|s| !s.progress_changed && s.held_changed.is_empty());
        if is_idle {
            return Ok(());
        }
        let write = self.database.begin()?;
        write.insert(self.unwritten.iter())?;
        for sink in &self.sinks {
            if sink.progress_changed {
                write.put_sink(sink.name, &sink.progress)?;
            }
            for key in &sink.held_changed {
                match sink.held.get(key) {
                    Some(held) => write.hold(sink.name, held)?,
                    None => write.release(sink.name, &key.0, &key.1)?,
                }
            }
        }
        if trim > self.trimmed {
            write.remove_settled(self.trimmed, trim)?;
        }
        for line in &self.released {
            write.remove_released(line, trim)?;
        }
        for seq in &self.rotten {
            write.remove_one(*seq)?;
        }
        write.commit()?;
        self.trimmed = Ord::max(self.trimmed, trim);
        Ok(())
    }

    /// Drops what is too old, and the oldest when there is no room, and says how much there is.
    pub(super) fn maintain(&mut self, now: Timestamp) {
        if self.trouble.is_none()
            && let Err(error) = self.enforce(now).and_then(|()| self.database.shrink(SHRINK_PAGES))
        {
            self.note(&error);
        }
        self.measure();
    }

    fn enforce(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        let age_max = i64::try_from(self.settings.age_max.as_secs()).unwrap_or(i64::MAX);
        let limit = now.as_second().saturating_sub(age_max);
        if let Some(through) = self.database.last_older_than(limit, AGE_WINDOW)? {
            self.drop_through(through, "age")?;
        }
        let bytes_max = match self.directory {
            Some(_) => self.settings.bytes_max,
            None => Ord::min(self.settings.bytes_max, MEMORY_BYTES_MAX),
        };
        if self.database.bytes()? > bytes_max
            && let Some((first, last)) = self.database.bounds()?
        {
            let share = Ord::max((last - first) / SIZE_SHARE, SIZE_RECORDS_MIN);
            self.drop_through(Ord::min(first + share, last), "size")?;
        }
        Ok(())
    }

    /// The oldest go first, whoever may still want them: a spool that keeps the old and refuses
    /// the new would hide what happens now.
    fn drop_through(&mut self, through: u64, reason: &'static str) -> rusqlite::Result<()> {
        let mut undelivered = 0;
        for sink in &self.sinks {
            let lost = sink.progress.clone().forget(through);
            for range in lost {
                undelivered += self.database.count(range.from, range.to)?;
            }
        }
        let write = self.database.begin()?;
        write.remove_through(through)?;
        write.commit()?;
        let held = self.forget_all(through);
        self.trimmed = Ord::max(self.trimmed, through + 1);
        if undelivered > 0 || held > 0 {
            self.metrics.lost(reason).inc_by(undelivered);
            warn!(
                outcomes = undelivered,
                held_items = held,
                reason,
                "the spool has no room for what is older: it is dropped undelivered"
            );
        }
        Ok(())
    }

    /// Nothing up to `through` exists any more. Returns how many held items that concerns.
    fn forget_all(&mut self, through: u64) -> usize {
        let mut concerned = 0;
        for sink in &mut self.sinks {
            sink.progress.forget(through);
            sink.progress_changed = true;
            for (key, held) in &mut sink.held {
                if held.from <= through {
                    held.from = through + 1;
                    sink.held_changed.push(key.clone());
                    concerned += 1;
                }
            }
        }
        concerned
    }

    fn measure(&self) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        if let Ok(bytes) = self.database.bytes() {
            self.metrics.bytes.set(gauge(bytes));
        }
        for (index, sink) in self.sinks.iter().enumerate() {
            let oldest = self.database.clock_at(sink.progress.floor()).ok().flatten();
            let pending = self.pending(index);
            let oldest = oldest.filter(|_| pending > 0).unwrap_or(0);
            self.metrics.set_sink(sink.name, gauge(pending), gauge(sink.held.len() as u64), oldest);
        }
    }

    /// Those of `rows` that are as they were written. The others go with the next commit.
    fn good(&mut self, rows: Vec<Checked>) -> Vec<Record> {
        let mut good = Vec::with_capacity(rows.len());
        for row in rows {
            match row {
                Ok(record) => good.push(record),
                Err(seq) => {
                    warn!(seq, "an outcome in the spool is damaged, and dropped");
                    self.metrics.lost("damaged").inc();
                    self.rotten.push(seq);
                }
            }
        }
        good
    }

    /// The database has refused. What was to be written waits; a file that is damaged is replaced.
    fn note(&mut self, error: &rusqlite::Error) {
        self.metrics.write_failures.inc();
        let is_new = self.trouble.is_none();
        self.trouble = Some(Instant::now() + RETRY_AFTER);
        if is_damaged(error) && self.directory.is_some() {
            self.replace(error);
        } else if is_new {
            warn!(
                %error,
                "the spool cannot be written: outcomes wait in memory, and are still delivered"
            );
        }
    }

    fn replace(&mut self, reason: &rusqlite::Error) {
        let Some(directory) = &self.directory else { return };
        // The old file is closed first: what it has not written yet must not follow the rename.
        let spare = match Database::in_memory() {
            Ok(spare) => spare,
            Err(error) => return error!(%error, "no memory for a spool"),
        };
        drop(std::mem::replace(&mut self.database, spare));
        match rescue(directory, Timestamp::now()) {
            Ok((database, found)) => {
                report(&found, reason, &self.metrics);
                self.database = database;
                for sink in &mut self.sinks {
                    sink.progress_changed = true;
                    sink.held_changed = sink.held.keys().cloned().collect();
                }
                self.trouble = Some(Instant::now());
            }
            Err(error) => {
                error!(
                    error = format!("{error:#}"),
                    "the damaged spool cannot be replaced: until the next start outcomes wait in \
                     memory, and a crash loses them"
                );
                self.directory = None;
                self.metrics.durable.set(0);
            }
        }
    }
}

fn seq_of(row: &Checked) -> u64 {
    row.as_ref().map_or_else(|seq| *seq, |record| record.seq)
}

fn report(found: &Rescue, reason: &rusqlite::Error, metrics: &SpoolMetrics) {
    metrics.damaged_files.inc();
    metrics.lost("damaged").inc_by(found.damaged);
    warn!(
        %reason,
        set_aside = %found.aside.display(),
        saved = found.saved,
        damaged = found.damaged,
        cut_short = found.cut_short,
        "the spool's file was damaged: it is set aside, and what is readable is taken over"
    );
}

fn open_or_rescue(directory: &Directory, metrics: &SpoolMetrics) -> Result<(Database, bool)> {
    match Database::open(&directory.database()) {
        Ok(database) => Ok((database, false)),
        Err(error) if is_damaged(&error) => {
            let (database, found) = rescue(directory, Timestamp::now())?;
            report(&found, &error, metrics);
            Ok((database, true))
        }
        Err(error) => Err(error.into()),
    }
}
