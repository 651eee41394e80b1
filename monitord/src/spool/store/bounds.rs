//! What is kept how long, and how much of it.

use jiff::Timestamp;
use tracing::warn;

use super::Store;

/// How much room the records may take when there is no directory for them.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// How many records are looked at for their age at once.
const AGE_WINDOW: usize = 10_000;
/// The part of the records that goes when there is no room: so that it is not done each time.
const SIZE_SHARE: u64 = 50;
/// The least number of records that go for want of room.
const SIZE_RECORDS_MIN: u64 = 1000;
/// Free pages that are given back to the file system at once: 1 MiB.
const SHRINK_PAGES: u32 = 256;

impl Store {
    /// Drops what is too old, and the oldest when there is no room, and says how much there is.
    pub(in crate::spool) fn maintain(&mut self, now: Timestamp) {
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
        for sink in self.sinks.iter().filter(|sink| sink.is_wanted) {
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
        for sink in self.sinks.iter_mut().filter(|sink| sink.is_wanted) {
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
            if !sink.is_wanted {
                self.metrics.forget_sink(sink.name);
                continue;
            }
            let oldest = self.database.clock_at(sink.progress.floor()).ok().flatten();
            let pending = self.pending(index);
            let oldest = oldest.filter(|_| pending > 0).unwrap_or(0);
            self.metrics.set_sink(sink.name, gauge(pending), gauge(sink.held.len() as u64), oldest);
        }
    }
}
