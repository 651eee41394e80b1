use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::check::Site;
use crate::check_now::{Request, permits};
use crate::due::Clock;
use crate::preload::Turns;
use crate::reconcile::{Order, Part, Plan, plan};
use crate::router::{Errand, ErrandKind, Worker};
use crate::{Inventory, InventoryDiff, Line, LineId, Outcome, Pools, Router, RouterName, Tasks};

/// How many errands may wait for one worker. The supervisor waits for each, so there is never
/// more than one.
const ERRANDS_MAX: usize = 1;

/// What all routers share.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) pools: Arc<dyn Pools>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) clock: Clock,
    /// In which routers are preloaded.
    pub(crate) turns: Turns,
    pub(crate) outcomes: mpsc::Sender<Outcome>,
    pub(crate) shutdown: CancellationToken,
}

/// A new inventory, and who is told what that changed.
#[derive(Debug)]
pub(crate) struct Reconcile {
    pub(crate) inventory: Inventory,
    /// What can be run from now on, if that has changed too.
    pub(crate) tasks: Option<Arc<Tasks>>,
    pub(crate) done: oneshot::Sender<InventoryDiff>,
}

/// One worker for each router that has lines, and what each of them is to do.
#[derive(Debug)]
pub(crate) struct Supervisor {
    house: House,
    workers: JoinSet<()>,
    /// Whose worker a task is. A worker that was told to leave is not in it.
    tasks: HashMap<Id, RouterName>,
    inboxes: HashMap<RouterName, mpsc::Sender<Errand>>,
    parts: HashMap<RouterName, Part>,
    /// One for each line that somebody wants to be checked at once.
    permits: Arc<Semaphore>,
}

impl House {
    pub(crate) fn site(&self, router: Router) -> Arc<Site> {
        Arc::new(Site {
            router,
            pools: self.pools.clone(),
            tasks: self.tasks.clone(),
            clock: self.clock.clone(),
            turns: self.turns.clone(),
            shutdown: self.shutdown.clone(),
            superseded: CancellationToken::new(),
        })
    }

    /// Every line once; returns when each has its outcome.
    pub(crate) async fn run_once(&self, inventory: Inventory) {
        let mut workers = JoinSet::new();
        for order in plan(&HashMap::new(), inventory).orders.into_values() {
            let Some(Part { router, lines }) = order.part else { continue };
            let worker = Worker::new(self.site(router), self.outcomes.clone(), None);
            workers.spawn(worker.with_lines(&lines).run());
        }
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a router's worker broke down");
            }
        }
    }
}

impl Supervisor {
    pub(crate) fn new(house: House) -> Self {
        let (workers, tasks) = (JoinSet::new(), HashMap::new());
        Self {
            house,
            workers,
            tasks,
            inboxes: HashMap::new(),
            parts: HashMap::new(),
            permits: permits(),
        }
    }

    /// Runs `inventory`, and whatever inventory comes in its place, until shutdown or until
    /// nobody wants the outcomes.
    pub(crate) async fn run(
        mut self,
        inventory: Inventory,
        mut inventories: mpsc::Receiver<Reconcile>,
        mut requests: mpsc::Receiver<Request>,
    ) {
        self.reconcile(inventory, None).await;
        let (shutdown, outcomes) = (self.house.shutdown.clone(), self.house.outcomes.clone());
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = outcomes.closed() => break,
                Some(ended) = self.workers.join_next_with_id() => self.worker_ended(ended),
                Some(Reconcile { inventory, tasks, done }) = inventories.recv() => {
                    let diff = self.reconcile(inventory, tasks).await;
                    // Whoever asked may have gone.
                    done.send(diff).ok();
                }
                Some(request) = requests.recv() => self.check_now(request).await,
            }
        }
        // Workers end by themselves, each when its last outcome is sent.
        while self.workers.join_next().await.is_some() {}
    }

    /// Makes what runs what is declared. Lines first leave, each with the moment at which it did,
    /// and only then arrive, so that a line that moves is never in two places and no due time of
    /// it is in none.
    async fn reconcile(
        &mut self,
        inventory: Inventory,
        tasks: Option<Arc<Tasks>>,
    ) -> InventoryDiff {
        let mut plan = plan(&self.parts, inventory);
        if let Some(tasks) = tasks {
            self.house.tasks = tasks;
            plan.renew_all(&self.parts);
        }
        let Plan { mut orders, moved, diff } = plan;
        let mut left = HashMap::new();
        let mut pending = Vec::new();
        for (name, order) in &mut orders {
            if let Some(kind) = self.departures(name, order) {
                pending.push((name.clone(), self.send(name, kind).await));
            }
        }
        for (name, done) in pending {
            left.insert(name, self.done(done).await);
        }
        let after = |line: &LineId| moved.get(line).and_then(|router| left.get(router)).copied();
        let mut pending = Vec::new();
        for (name, Order { part, add, .. }) in orders {
            let Some(part) = part else {
                self.parts.remove(&name);
                continue;
            };
            if !self.inboxes.contains_key(&name) {
                self.spawn(&part.router, &[]);
            }
            self.parts.insert(name.clone(), part);
            if !add.is_empty() {
                let lines = add.into_iter().map(|line| {
                    let after = after(&line.id);
                    (line, after)
                });
                let kind = ErrandKind::Add(lines.collect());
                pending.push(self.send(&name, kind).await);
            }
        }
        for done in pending {
            self.done(done).await;
        }
        diff
    }

    /// Has lines checked at once.
    async fn check_now(&mut self, request: Request) {
        for (router, wishes) in request.take(&self.parts, &self.permits) {
            // Nobody waits until it is done: whoever asked is told how the checks end.
            drop(self.send(&router, ErrandKind::Check(wishes)).await);
        }
    }

    /// What has to be told to a router before lines can come to it, if it has a worker.
    fn departures(&mut self, name: &RouterName, order: &mut Order) -> Option<ErrandKind> {
        self.inboxes.get(name)?;
        let Some(part) = &order.part else { return Some(ErrandKind::Leave) };
        let withdraw = std::mem::take(&mut order.withdraw);
        let change = std::mem::take(&mut order.change);
        let site = order.is_new_router.then(|| self.house.site(part.router.clone()));
        let is_any = site.is_some() || !withdraw.is_empty() || !change.is_empty();
        is_any.then_some(ErrandKind::Change { withdraw, change, site })
    }

    /// Hands an errand to a worker. One that has ended takes none.
    async fn send(&mut self, name: &RouterName, kind: ErrandKind) -> oneshot::Receiver<Instant> {
        let (done, receiver) = oneshot::channel();
        let inbox = if matches!(kind, ErrandKind::Leave) {
            self.tasks.retain(|_, router| router != name);
            self.inboxes.remove(name)
        } else {
            self.inboxes.get(name).cloned()
        };
        if let Some(inbox) = inbox {
            // Fails only when the worker has ended: its lines then are accounted for.
            tokio::select! {
                () = self.house.shutdown.cancelled() => {}
                sent = inbox.send(Errand { kind: Box::new(kind), done }) => drop(sent),
            }
        }
        receiver
    }

    /// Waits until an errand is done, and says when it was.
    async fn done(&self, done: oneshot::Receiver<Instant>) -> Instant {
        let at = tokio::select! {
            () = self.house.shutdown.cancelled() => None,
            done = done => done.ok(),
        };
        at.unwrap_or_else(Instant::now)
    }

    fn worker_ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let error = match ended {
            Ok((id, ())) => {
                self.tasks.remove(&id);
                return;
            }
            Err(error) => error,
        };
        // Our own mistake; the other routers must not pay for it, and neither this one for
        // longer than can be helped.
        let Some(name) = self.tasks.remove(&error.id()) else { return };
        tracing::error!(router = %name, %error, "a router's worker broke down");
        if let Some(Part { router, lines }) = self.parts.get(&name).cloned() {
            self.spawn(&router, &lines);
        }
    }

    fn spawn(&mut self, router: &Router, lines: &[Arc<Line>]) {
        let (inbox, errands) = mpsc::channel(ERRANDS_MAX);
        let outcomes = self.house.outcomes.clone();
        let worker = Worker::new(self.house.site(router.clone()), outcomes, Some(errands));
        let task = self.workers.spawn(worker.with_lines(lines).run());
        self.tasks.insert(task.id(), router.name.clone());
        self.inboxes.insert(router.name.clone(), inbox);
    }
}
