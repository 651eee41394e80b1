use tokio::time::Instant;
use tracing::info;

use super::Store;

/// How many numbers are looked at for removal with one commit, so that none takes long.
const TRIM_RECORDS_MAX: u64 = 2000;

impl Store {
    /// Makes everything durable that came since the last time, and removes what nobody needs any
    /// more. A disk that takes nothing is reported once, and tried again after a pause.
    pub(in crate::spool) fn commit(&mut self, now: Instant) {
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

    fn write(&mut self) -> rusqlite::Result<()> {
        let unwritten_from = self.unwritten.front().map_or(self.next_seq, |record| record.seq);
        let floor = Ord::min(self.floor(), unwritten_from);
        let trim = Ord::min(floor, self.trimmed + TRIM_RECORDS_MAX);
        let is_idle = self.unwritten.is_empty()
            && self.released.is_empty()
            && self.rotten.is_empty()
            && trim <= self.trimmed
            && self
                .sinks
                .iter()
                .all(|s| !s.is_wanted || !s.progress_changed && s.held_changed.is_empty());
        if is_idle {
            return Ok(());
        }
        let write = self.database.begin()?;
        write.insert(self.unwritten.iter())?;
        for sink in self.sinks.iter().filter(|sink| sink.is_wanted) {
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
}
