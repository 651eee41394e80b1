//! The sources by their places: what is known of each, kept of it and said about it.

use std::ops::ControlFlow;

use jiff::Timestamp;
use scheduler::{Confirmation, SourceRecord, Trouble, Verdict};
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use super::{Follower, Restored, announce};
use crate::board::SourceState;

/// A source of routers and lines.
#[derive(Debug)]
pub(super) struct Source {
    /// Since when its inventory is known to be as it is.
    pub(super) as_of: Timestamp,
    /// What an earlier daemon has kept of it, until it has answered for the first time.
    pub(super) restored: Option<Restored>,
    /// What is to be kept of it as soon as it counts.
    pub(super) record: Option<SourceRecord>,
    /// The latest request that it has answered.
    pub(super) answered: u64,
    /// Which of those it is that were in its place one after another.
    pub(super) generation: u64,
    pub(super) watcher: Option<AbortHandle>,
}

impl Source {
    /// One that nobody looks at yet.
    pub(super) fn new(as_of: Timestamp, generation: u64) -> Self {
        Self { as_of, restored: None, record: None, answered: 0, generation, watcher: None }
    }
}

impl Follower {
    /// Whether something keeps a source from counting.
    pub(super) fn has_trouble(&self, place: usize) -> bool {
        self.keeper.sources().nth(place).is_some_and(|(_, _, trouble)| trouble.is_some())
    }

    /// What a source says is known to be so from now on, if it counts.
    pub(super) fn note(&mut self, place: usize, verdict: Verdict) {
        if matches!(verdict, Verdict::Same | Verdict::Taken) {
            let source = &mut self.sources[place];
            source.as_of = Timestamp::now();
            if let Some(record) = source.record.take() {
                self.surroundings.kept.save_aside(self.keeper.name(place), record);
            }
        }
    }

    /// Takes what was kept of a source that is away for its last good inventory.
    pub(super) fn restore(&mut self, place: usize, restored: Restored) -> bool {
        let Restored { inventory, unchecked, as_of } = restored;
        let lines = inventory.lines.len();
        let verdict = self.keeper.offer(place, Ok(inventory), Confirmation::None);
        let is_taken = verdict == Verdict::Taken;
        if is_taken {
            self.sources[place].as_of = as_of;
            let source = self.keeper.name(place);
            warn!(source, lines, unchecked, %as_of, "what was kept of the inventory is checked");
        }
        is_taken
    }

    /// The same for every source that has not answered yet.
    pub(super) async fn restore_all(&mut self) -> ControlFlow<()> {
        for place in 0..self.sources.len() {
            if let Some(restored) = self.sources[place].restored.take() {
                self.restore(place, restored);
            }
        }
        self.show();
        self.reconcile(None).await.map_continue(|diff| announce(&diff))
    }

    /// Says in the log what has become of a source, if that is news.
    pub(super) fn say(&self, place: usize, verdict: Verdict, had_trouble: bool) {
        let Some((source, lines, trouble)) = self.keeper.sources().nth(place) else { return };
        match (verdict, trouble) {
            (Verdict::NewTrouble, Some(trouble @ Trouble::Dropped { .. })) => error!(
                source,
                %trouble,
                "the inventory is not followed: send SIGHUP if the lines are meant to be gone"
            ),
            (Verdict::NewTrouble, Some(trouble)) => error!(
                source,
                %trouble,
                "the inventory is not followed: what was last good goes on"
            ),
            (Verdict::Taken, _) if had_trouble => info!(source, lines, "the inventory is back"),
            _ => {}
        }
    }

    /// Shows the sources on the pages.
    pub(super) fn show(&self) {
        let sources = self.keeper.sources().zip(&self.sources);
        let states = sources.map(|((name, lines, trouble), source)| SourceState {
            name: name.to_owned(),
            lines,
            trouble: trouble.map(ToString::to_string),
            since: Timestamp::now(),
            as_of: source.as_of,
        });
        self.surroundings.board.show_sources(states.collect());
    }
}
