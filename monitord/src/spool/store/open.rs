use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;
use rusqlite::ErrorCode;
use tracing::{error, info};

use super::super::database::is_damaged;
use super::super::{Database, Directory, Progress, SpoolSettings, rescue};
use super::damage::report;
use super::{SinkState, Store};
use crate::metrics::SpoolMetrics;

impl Store {
    /// Opens what `settings` name, for these sinks. A file that is damaged is set aside. When
    /// there can be none, the records are kept in memory.
    ///
    /// # Errors
    ///
    /// When not even memory can be had.
    pub(in crate::spool) fn open(
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
                is_wanted: true,
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
}

fn open_or_rescue(directory: &Directory, metrics: &SpoolMetrics) -> Result<(Database, bool)> {
    match Database::open(&directory.database()) {
        Ok(database) => Ok((database, false)),
        Err(error) if cannot_be_used(&error) => {
            let (database, found) = rescue(directory, Timestamp::now())?;
            report(&found, &error, metrics);
            Ok((database, true))
        }
        Err(error) => Err(error.into()),
    }
}

/// A header that claims a later version of the format makes a file read-only; so does a disk, on
/// which no new file can be made either, and which is told then.
fn cannot_be_used(error: &rusqlite::Error) -> bool {
    is_damaged(error) || error.sqlite_error_code() == Some(ErrorCode::ReadOnly)
}
