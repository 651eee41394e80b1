//! Follows the sources of the inventory while the daemon runs, and makes what they say run.

mod configuration;
mod kept;
pub(crate) mod unresolved;
mod watcher;
pub(crate) mod zabbix;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scheduler::{
    Confirmation, Inventory, InventoryDiff, Keeper, Reconciler, SourceRecord, Trouble, Verdict,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::board::{Board, SourceState};
use crate::shutdown::HangUps;
use crate::systemd;

use watcher::Found;

pub(crate) use configuration::{ConfigurationSource, Start, record_of, start};
pub(crate) use kept::{Kept, Restored};
pub(crate) use watcher::Watched;

/// How many finds may wait to be taken over; whoever has one waits for that.
const FINDS_MAX: usize = 1;
/// How long the first look at a source may take before what was kept of it counts, which is checked
/// until the look ends. Shorter, and lines whose password was not kept would fail at starts at which
/// nothing is wrong.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(10);
/// How many conflicts between sources are logged at once.
const CONFLICTS_LOGGED_MAX: usize = 10;

/// Follows sources, and takes over what has changed.
#[derive(Debug)]
pub(crate) struct Follower {
    watched: Vec<Watched>,
    /// Since when the inventory of each is known to be as it is.
    as_of: Vec<Timestamp>,
    /// What an earlier daemon has kept of each, until the source has answered for the first time.
    restored: Vec<Option<Restored>>,
    /// What is to be kept of each as soon as it counts.
    records: Vec<Option<SourceRecord>>,
    kept: Kept,
    keeper: Keeper,
    board: Arc<Board>,
    reconciler: Reconciler,
}

impl Follower {
    /// A follower of no source yet. Neither does `keeper` know any.
    pub(crate) fn new(
        keeper: Keeper,
        kept: Kept,
        board: Arc<Board>,
        reconciler: Reconciler,
    ) -> Self {
        let (watched, as_of) = (Vec::new(), Vec::new());
        let (restored, records) = (Vec::new(), Vec::new());
        Self { watched, as_of, restored, records, kept, keeper, board, reconciler }
    }

    /// Adds a source, weaker than those before it, with what is known to be good of it, and since
    /// when.
    #[must_use]
    pub(crate) fn with(mut self, watched: Watched, last_good: Inventory, as_of: Timestamp) -> Self {
        self.as_of.push(as_of);
        self.restored.push(None);
        self.records.push(None);
        self.keeper.add(watched.source.name(), last_good);
        self.watched.push(watched);
        self
    }

    /// The same of a source of which nothing is known but what was kept of it. That counts as soon
    /// as the first look at it fails or takes long, and not before: as a rule the source is there,
    /// and knows the passwords that were not kept.
    #[must_use]
    pub(crate) fn with_kept(mut self, watched: Watched, restored: Option<Restored>) -> Self {
        self = self.with(watched, Inventory::default(), Timestamp::now());
        if let Some(last) = self.restored.last_mut() {
            *last = restored;
        }
        self
    }

    /// Follows the sources until `shutdown`: each at its own pace, and all of them on SIGHUP, with
    /// which an operator also confirms what the log has warned of.
    pub(crate) async fn run(mut self, mut hang_ups: HangUps, shutdown: CancellationToken) {
        self.show();
        let (requests, receiver) = watch::channel(0);
        let (sender, mut finds) = mpsc::channel(FINDS_MAX);
        // Dropped, and with it the looks that are under way, when this ends.
        let mut watchers = JoinSet::new();
        let mut answered = vec![0; self.watched.len()];
        for (place, watched) in std::mem::take(&mut self.watched).into_iter().enumerate() {
            watchers.spawn(watched.run(place, receiver.clone(), sender.clone(), shutdown.clone()));
        }
        let mut is_reloading = false;
        let mut late = pin!(sleep(FIRST_LOOK_MAX));
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = hang_ups.next() => {
                    info!("SIGHUP: looking at the inventory");
                    systemd::reloading();
                    is_reloading = true;
                    requests.send_modify(|request| *request += 1);
                }
                () = &mut late, if self.restored.iter().any(Option::is_some) => {
                    if self.restore_all().await.is_break() {
                        return;
                    }
                }
                Some(found) = finds.recv() => {
                    answered[found.place] = found.request;
                    if self.take(found).await.is_break() {
                        return;
                    }
                    let latest = *requests.borrow();
                    if is_reloading && answered.iter().all(|answer| *answer == latest) {
                        systemd::ready(&self.board);
                        is_reloading = false;
                    }
                }
            }
        }
    }

    /// Takes over what a source says, if it may count.
    async fn take(&mut self, found: Found) -> ControlFlow<()> {
        let Found { place, loaded, record, confirmation, .. } = found;
        if record.is_some() {
            self.records[place] = record;
        }
        // Whatever the first look finds, it decides.
        let restored = self.restored[place].take().filter(|_| loaded.is_err());
        let is_restored = restored.is_some_and(|restored| self.restore(place, restored));
        let had_trouble = self.keeper.sources().nth(place).is_some_and(|s| s.2.is_some());
        let verdict = self.keeper.offer(place, loaded, confirmation);
        if matches!(verdict, Verdict::Same | Verdict::Taken) {
            self.as_of[place] = Timestamp::now();
            if let Some(record) = self.records[place].take() {
                self.kept.save_aside(self.keeper.name(place), record);
            }
        }
        self.say(place, verdict, had_trouble);
        self.show();
        if verdict != Verdict::Taken && !is_restored {
            return ControlFlow::Continue(());
        }
        self.apply().await
    }

    /// Makes everything that counts run.
    async fn apply(&mut self) -> ControlFlow<()> {
        let merged = self.keeper.merged();
        for conflict in merged.conflicts.iter().take(CONFLICTS_LOGGED_MAX) {
            warn!(%conflict, "sources of the inventory contradict each other");
        }
        // The board first, so that it knows every line that has an outcome.
        self.board.declare(&merged.inventory);
        match self.reconciler.reconcile(merged.inventory).await {
            Ok(diff) => {
                announce(&diff);
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Takes what was kept of a source that is away for its last good inventory.
    fn restore(&mut self, place: usize, restored: Restored) -> bool {
        let Restored { inventory, unchecked, as_of } = restored;
        let lines = inventory.lines.len();
        let verdict = self.keeper.offer(place, Ok(inventory), Confirmation::None);
        let is_taken = verdict == Verdict::Taken;
        if is_taken {
            self.as_of[place] = as_of;
            let source = self.keeper.name(place);
            warn!(source, lines, unchecked, %as_of, "what was kept of the inventory is checked");
        }
        is_taken
    }

    /// The same for every source that has not answered yet.
    async fn restore_all(&mut self) -> ControlFlow<()> {
        for place in 0..self.restored.len() {
            if let Some(restored) = self.restored[place].take() {
                self.restore(place, restored);
            }
        }
        self.show();
        self.apply().await
    }

    fn say(&self, place: usize, verdict: Verdict, had_trouble: bool) {
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
    fn show(&self) {
        let sources = self.keeper.sources().zip(&self.as_of);
        let states = sources.map(|((name, lines, trouble), as_of)| SourceState {
            name: name.to_owned(),
            lines,
            trouble: trouble.map(ToString::to_string),
            since: Timestamp::now(),
            as_of: *as_of,
        });
        self.board.show_sources(states.collect());
    }
}

/// Says what has changed: one message, and at the level `debug` each line and router.
fn announce(diff: &InventoryDiff) {
    if diff.is_empty() {
        return;
    }
    info!(changes = %diff, "inventory changed");
    for change in &diff.routers {
        debug!(router = %change.router, change = ?change.change, "router changed in the inventory");
    }
    for change in &diff.lines {
        debug!(line = %change.line, change = ?change.change, "line changed in the inventory");
    }
}
