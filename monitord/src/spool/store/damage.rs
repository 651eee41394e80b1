//! A database that refuses.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, warn};

use super::super::database::{Checked, is_damaged};
use super::super::salvage::Rescue;
use super::super::{Database, Record, rescue};
use super::Store;
use crate::metrics::SpoolMetrics;

/// The pause between attempts to write, while the disk takes nothing.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl Store {
    /// Those of `rows` that are as they were written. The others go with the next commit.
    pub(super) fn good(&mut self, rows: Vec<Checked>) -> Vec<Record> {
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
    pub(super) fn note(&mut self, error: &rusqlite::Error) {
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

pub(super) fn report(found: &Rescue, reason: &rusqlite::Error, metrics: &SpoolMetrics) {
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
