//! Follows the configuration and the other sources of routers and lines while the daemon runs, and
//! makes what they say run.

mod configuration;
mod kept;
mod reloading;
mod sources;
pub(crate) mod unresolved;
mod watcher;
pub(crate) mod zabbix;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scheduler::{DropLimit, Inventory, InventoryDiff, Keeper, Reconciler, Tasks, Verdict};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::board::Board;
use crate::limits::Limits;
use crate::reload::{Live, Reloads};
use crate::shutdown::HangUps;
use crate::systemd;

use sources::Source;
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
