//! Follows the sources of the inventory while the daemon runs, and makes what they say run.

mod configuration;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pool_core::Context;
use scheduler::{
    Confirmation, InventoryDiff, InventorySource, Keeper, Reconciler, Trouble, Verdict,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::board::{Board, SourceState};
use crate::shutdown::HangUps;
use crate::systemd;

pub(crate) use configuration::ConfigurationSource;

/// How long one look at a source may take: a file is there at once, a vault that is asked for the
/// secrets in it within seconds.
const LOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How many conflicts between sources are logged at once.
const CONFLICTS_LOGGED_MAX: usize = 10;

/// Looks at every source from time to time, and when it is told to.
#[derive(Debug)]
pub(crate) struct Follower {
    sources: Vec<Box<dyn InventorySource>>,
    keeper: Keeper,
    board: Arc<Board>,
    reconciler: Reconciler,
}

impl Follower {
    /// A follower of no source yet. `keeper` knows the sources that are to be followed, in the
    /// same order.
    pub(crate) fn new(keeper: Keeper, board: Arc<Board>, reconciler: Reconciler) -> Self {
        Self { sources: Vec::new(), keeper, board, reconciler }
    }

    /// Adds a source, the next one that the keeper knows.
    #[must_use]
    pub(crate) fn with(mut self, source: Box<dyn InventorySource>) -> Self {
        self.sources.push(source);
        self
    }

    /// Follows the sources until `shutdown`: every `refresh`, if there is one, and on SIGHUP, with
    /// which an operator also confirms what the log has warned of.
    pub(crate) async fn run(
        mut self,
        refresh: Option<Duration>,
        mut hang_ups: HangUps,
        shutdown: CancellationToken,
    ) {
        self.show();
        let mut ticks = refresh.map(|every| {
            let mut ticks = interval_at(Instant::now() + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        let following = async {
            loop {
                let tick = async {
                    match &mut ticks {
                        Some(ticks) => drop(ticks.tick().await),
                        None => pending().await,
                    }
                };
                let confirmation = tokio::select! {
                    () = hang_ups.next() => Confirmation::ByOperator,
                    () = tick => Confirmation::None,
                };
                let is_reload = confirmation == Confirmation::ByOperator;
                if is_reload {
                    info!("SIGHUP: looking at the inventory");
                    systemd::reloading();
                }
                if self.look(confirmation, &shutdown).await.is_break() {
                    return;
                }
                if is_reload {
                    systemd::ready(&self.board);
                }
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = following => {}
        }
    }

    /// Looks at every source once, and takes over what has changed.
    async fn look(
        &mut self,
        confirmation: Confirmation,
        shutdown: &CancellationToken,
    ) -> std::ops::ControlFlow<()> {
        let mut is_new = false;
        for place in 0..self.sources.len() {
            let ctx = Context::new(shutdown, LOAD_TIMEOUT);
            let loaded = self.sources[place].load(&ctx).await;
            let had_trouble = self.keeper.sources().nth(place).is_some_and(|s| s.2.is_some());
            let verdict = self.keeper.offer(place, loaded, confirmation);
            self.say(place, verdict, had_trouble);
            is_new |= verdict == Verdict::Taken;
        }
        self.show();
        if !is_new {
            return std::ops::ControlFlow::Continue(());
        }
        let merged = self.keeper.merged();
        for conflict in merged.conflicts.iter().take(CONFLICTS_LOGGED_MAX) {
            warn!(%conflict, "sources of the inventory contradict each other");
        }
        // The board first, so that it knows every line that has an outcome.
        self.board.declare(&merged.inventory);
        match self.reconciler.reconcile(merged.inventory).await {
            Ok(diff) => {
                announce(&diff);
                std::ops::ControlFlow::Continue(())
            }
            Err(_) => std::ops::ControlFlow::Break(()),
        }
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
        let state = |(name, lines, trouble): (&str, usize, Option<&Trouble>)| SourceState {
            name: name.to_owned(),
            lines,
            trouble: trouble.map(ToString::to_string),
            since: Timestamp::now(),
        };
        self.board.show_sources(self.keeper.sources().map(state).collect());
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
