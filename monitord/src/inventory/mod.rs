//! Follows the configuration and the other sources of routers and lines while the daemon runs, and
//! makes what they say run.

mod configuration;
mod kept;
mod reloading;
pub(crate) mod unresolved;
mod watcher;
pub(crate) mod zabbix;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scheduler::{
    Confirmation, DropLimit, Inventory, InventoryDiff, Keeper, Reconciler, SourceRecord, Tasks,
    Trouble, Verdict,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::board::{Board, SourceState};
use crate::limits::Limits;
use crate::reload::{Live, Reloads};
use crate::shutdown::HangUps;
use crate::systemd;

use watcher::{Found, FoundInventory};
use zabbix::ZabbixSource;

pub(crate) use configuration::{ConfigurationWatch, Known, record_of};
pub(crate) use kept::{Kept, Restored};
pub(crate) use reloading::{Reload, ReloadAnswer};
pub(crate) use watcher::Watched;

/// How many finds may wait to be taken over; whoever has one waits for that.
const FINDS_MAX: usize = 1;
/// How long the first look at a source may take before what was kept of it counts, which is checked
/// until the look ends. Shorter, and lines whose password was not kept would fail at starts at which
/// nothing is wrong.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(10);
/// How many conflicts between sources are logged at once.
const CONFLICTS_LOGGED_MAX: usize = 10;
/// The place of the configuration among the sources: the strongest.
const CONFIGURATION: usize = 0;
/// The place of the lines in Zabbix, if there is such a source.
const ZABBIX: usize = 1;

/// Follows the configuration and the sources that it names, and takes over what has changed.
#[derive(Debug)]
pub(crate) struct Follower {
    surroundings: Surroundings,
    live: Live,
    /// By their places in the keeper.
    sources: Vec<Source>,
    keeper: Keeper,
    /// What those who look at the configuration need to know.
    known: watch::Sender<Known>,
    requests: watch::Sender<u64>,
    /// Who waits for a reload, and for which request.
    waiting: Vec<(u64, oneshot::Sender<ReloadAnswer>)>,
    finds: mpsc::Sender<Found>,
    found: mpsc::Receiver<Found>,
    /// Dropped, and with them the looks that are under way, when this is.
    watchers: JoinSet<()>,
    /// The text that was kept last of the inventory's file.
    recorded: Option<String>,
    generations: u64,
}

/// What a follower works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) kept: Kept,
    pub(crate) board: Arc<Board>,
    pub(crate) reconciler: Reconciler,
    pub(crate) limits: Limits,
    pub(crate) reloads: Arc<Reloads>,
    pub(crate) shutdown: CancellationToken,
}

/// A source of routers and lines.
#[derive(Debug)]
struct Source {
    /// Since when its inventory is known to be as it is.
    as_of: Timestamp,
    /// What an earlier daemon has kept of it, until it has answered for the first time.
    restored: Option<Restored>,
    /// What is to be kept of it as soon as it counts.
    record: Option<SourceRecord>,
    /// The latest request that it has answered.
    answered: u64,
    /// Which of those it is that were in its place one after another.
    generation: u64,
    watcher: Option<AbortHandle>,
}

impl Follower {
    /// A follower of the configuration, of which `inventory` is known to be good since `as_of`.
    pub(crate) fn new(
        surroundings: Surroundings,
        live: Live,
        known: watch::Sender<Known>,
        inventory: Inventory,
        as_of: Timestamp,
    ) -> Self {
        let (finds, found) = mpsc::channel(FINDS_MAX);
        let mut keeper = Keeper::new(DropLimit::default());
        keeper.add(ConfigurationWatch::NAME, inventory);
        Self {
            surroundings,
            live,
            sources: vec![Source::new(as_of, 0)],
            keeper,
            known,
            requests: watch::Sender::new(0),
            waiting: Vec::new(),
            finds,
            found,
            watchers: JoinSet::new(),
            recorded: None,
            generations: 0,
        }
    }

    /// Looks at the configuration in this way from now on.
    pub(crate) fn watch_configuration(&mut self, watch: ConfigurationWatch) {
        let (requests, finds) = (self.requests.subscribe(), self.finds.clone());
        let shutdown = self.surroundings.shutdown.clone();
        let watcher = self.watchers.spawn(watch.run(requests, finds, shutdown));
        self.sources[CONFIGURATION].watcher = Some(watcher);
    }

    /// Looks at the lines in Zabbix too from now on, in the place of an earlier such source, whose
    /// lines stay until this one has answered. What was kept of it (`restored`) counts as soon as
    /// the first look at it fails or takes long, and not before: as a rule it is there, and knows
    /// the passwords that were not kept.
    pub(crate) fn watch_zabbix(&mut self, source: ZabbixSource, restored: Option<Restored>) {
        self.generations += 1;
        if self.sources.len() <= ZABBIX {
            self.keeper.add(ZabbixSource::NAME, Inventory::default());
            self.sources.push(Source::new(Timestamp::now(), self.generations));
        }
        let requests = self.requests.subscribe();
        // What was asked before is not asked of this one.
        let latest = *requests.borrow();
        let resolver = self.live.running.resolver.subscribe();
        let refresh = source.refresh();
        let watched = Watched {
            source: Box::new(source),
            refresh: Some(refresh),
            is_new: true,
            resolver: Some(resolver),
        };
        let key = (ZABBIX, self.generations);
        let (finds, shutdown) = (self.finds.clone(), self.surroundings.shutdown.clone());
        let watcher = self.watchers.spawn(watched.run(key, requests, finds, shutdown));
        let place = &mut self.sources[ZABBIX];
        if let Some(old) = place.watcher.replace(watcher) {
            old.abort();
        }
        (place.restored, place.record) = (restored, None);
        (place.answered, place.generation) = (latest, self.generations);
    }

    /// Looks at the lines in Zabbix no longer. They are gone.
    fn forget_zabbix(&mut self) {
        if let Some(source) = self.sources.get(ZABBIX) {
            source.watcher.iter().for_each(AbortHandle::abort);
            self.sources.truncate(ZABBIX);
            self.keeper.remove_last();
        }
    }

    /// Follows everything until the process is to stop, and whatever is told on SIGHUP, with which
    /// an operator also confirms what the log has warned of, and by those who `ask`.
    pub(crate) async fn run(mut self, mut hang_ups: HangUps, mut asked: mpsc::Receiver<Reload>) {
        self.show();
        self.check_limits();
        let shutdown = self.surroundings.shutdown.clone();
        let mut is_reloading = false;
        let mut late = pin!(sleep(FIRST_LOOK_MAX));
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = hang_ups.next() => {
                    info!("SIGHUP: reading the configuration again");
                    self.request(&mut is_reloading);
                }
                Some(Reload { answer }) = asked.recv() => {
                    info!("an operator asks for the configuration to be read again");
                    self.request(&mut is_reloading);
                    self.waiting.push((*self.requests.borrow(), answer));
                }
                () = &mut late, if self.sources.iter().any(|source| source.restored.is_some()) => {
                    if self.restore_all().await.is_break() {
                        return;
                    }
                }
                Some(found) = self.found.recv() => {
                    let taken = match found {
                        Found::Configuration(found) => self.take_configuration(found).await,
                        Found::Inventory(found) => self.take(found).await,
                    };
                    if taken.is_break() {
                        return;
                    }
                    let latest = *self.requests.borrow();
                    if is_reloading && self.sources.iter().all(|s| s.answered == latest) {
                        systemd::ready(&self.surroundings.board);
                        is_reloading = false;
                    }
                }
            }
        }
    }

    fn request(&mut self, is_reloading: &mut bool) {
        systemd::reloading();
        *is_reloading = true;
        self.requests.send_modify(|request| *request += 1);
    }

    /// Takes over what a source says, if it may count.
    async fn take(&mut self, found: FoundInventory) -> ControlFlow<()> {
        let FoundInventory { place, generation, loaded, record, confirmation, request } = found;
        let Some(source) = self.sources.get_mut(place) else { return ControlFlow::Continue(()) };
        if source.generation != generation {
            return ControlFlow::Continue(());
        }
        source.answered = request;
        if record.is_some() {
            source.record = record;
        }
        // Whatever the first look finds, it decides.
        let restored = source.restored.take().filter(|_| loaded.is_err());
        let is_restored = restored.is_some_and(|restored| self.restore(place, restored));
        let had_trouble = self.has_trouble(place);
        let verdict = self.keeper.offer(place, loaded, confirmation);
        self.note(place, verdict);
        self.say(place, verdict, had_trouble);
        self.show();
        if verdict != Verdict::Taken && !is_restored {
            return ControlFlow::Continue(());
        }
        self.reconcile(None).await.map_continue(|diff| announce(&diff))
    }

    fn has_trouble(&self, place: usize) -> bool {
        self.keeper.sources().nth(place).is_some_and(|(_, _, trouble)| trouble.is_some())
    }

    /// What a source says is known to be so from now on, if it counts.
    fn note(&mut self, place: usize, verdict: Verdict) {
        if matches!(verdict, Verdict::Same | Verdict::Taken) {
            let source = &mut self.sources[place];
            source.as_of = Timestamp::now();
            if let Some(record) = source.record.take() {
                self.surroundings.kept.save_aside(self.keeper.name(place), record);
            }
        }
    }

    /// Makes everything that counts run, by other tasks if there are some, and says what that has
    /// changed.
    async fn reconcile(&mut self, tasks: Option<Arc<Tasks>>) -> ControlFlow<(), InventoryDiff> {
        let merged = self.keeper.merged();
        for conflict in merged.conflicts.iter().take(CONFLICTS_LOGGED_MAX) {
            warn!(%conflict, "sources of the inventory contradict each other");
        }
        let Surroundings { board, reconciler, .. } = &self.surroundings;
        // The board first, so that it knows every line that has an outcome.
        board.declare(&merged.inventory);
        self.surroundings.limits.check(&merged.inventory, self.live.settings.fleet);
        let reconciled = match tasks {
            Some(tasks) => reconciler.reconcile_with_tasks(merged.inventory, tasks).await,
            None => reconciler.reconcile(merged.inventory).await,
        };
        match reconciled {
            Ok(diff) => ControlFlow::Continue(diff),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn check_limits(&self) {
        let merged = self.keeper.merged();
        self.surroundings.limits.check(&merged.inventory, self.live.settings.fleet);
    }

    /// Takes what was kept of a source that is away for its last good inventory.
    fn restore(&mut self, place: usize, restored: Restored) -> bool {
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
    async fn restore_all(&mut self) -> ControlFlow<()> {
        for place in 0..self.sources.len() {
            if let Some(restored) = self.sources[place].restored.take() {
                self.restore(place, restored);
            }
        }
        self.show();
        self.reconcile(None).await.map_continue(|diff| announce(&diff))
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

impl Source {
    fn new(as_of: Timestamp, generation: u64) -> Self {
        Self { as_of, restored: None, record: None, answered: 0, generation, watcher: None }
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
