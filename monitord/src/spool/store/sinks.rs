//! Sinks that come and go while the store is open.

use std::collections::BTreeMap;

use tracing::info;

use super::{SinkState, Store};
use crate::spool::{Progress, SpoolSettings};

impl Store {
    /// Keeps records for the sinks of these names from now on, and for no other. One that is new
    /// begins with what comes next; what one that is gone had not taken is dropped, as at a start.
    /// Places of sinks stay, and new ones come behind them.
    pub(in crate::spool) fn want(&mut self, names: &[&'static str]) {
        for sink in &mut self.sinks {
            match (sink.is_wanted, names.contains(&sink.name)) {
                (true, false) => {
                    let records = sink.progress.pending(self.next_seq);
                    if records > 0 {
                        info!(
                            sink = sink.name,
                            records, "a sink is gone: what it had not taken is dropped"
                        );
                    }
                    *sink =
                        SinkState { is_wanted: false, ..SinkState::new(sink.name, self.next_seq) };
                }
                (false, true) => *sink = SinkState::new(sink.name, self.next_seq),
                _ => {}
            }
        }
        for name in names {
            if !self.sinks.iter().any(|sink| sink.name == *name) {
                self.sinks.push(SinkState::new(name, self.next_seq));
            }
        }
        if let Err(error) = self.forget_unwanted() {
            self.note(&error);
        }
    }

    /// Other bounds from now on. The directory stays what it is.
    pub(in crate::spool) fn set_bounds(&mut self, bounds: SpoolSettings) {
        let directory = self.settings.directory.take();
        self.settings = SpoolSettings { directory, ..bounds };
    }

    fn forget_unwanted(&mut self) -> rusqlite::Result<()> {
        let unwanted: Vec<_> =
            self.sinks.iter().filter(|sink| !sink.is_wanted).map(|sink| sink.name).collect();
        if unwanted.is_empty() {
            return Ok(());
        }
        let write = self.database.begin()?;
        for name in unwanted {
            write.remove_sink(name)?;
        }
        write.commit()
    }
}

impl SinkState {
    fn new(name: &'static str, next_seq: u64) -> Self {
        Self {
            name,
            is_wanted: true,
            progress: Progress::starting_at(next_seq),
            progress_changed: true,
            held: BTreeMap::new(),
            held_changed: Vec::new(),
        }
    }
}
