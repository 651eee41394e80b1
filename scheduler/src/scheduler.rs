#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::check_now::REQUESTS_MAX;
use crate::due::Clock;
use crate::preload::Turns;
use crate::supervisor::{House, Reconcile, Supervisor};
use crate::{Checker, Inventory, InventoryDiff, Outcome, Pools, Tasks};

/// How many inventories may wait to be taken over; whoever has one waits for that.
const INVENTORIES_MAX: usize = 1;

/// The running schedule of an inventory: one task per router.
///
/// It ends on shutdown, or when the receiver of the outcomes is dropped. Dropping it stops
/// everything at once, without outcomes for what was in flight.
#[derive(Debug)]
pub struct Scheduler {
    supervisor: AbortOnDropHandle<()>,
    reconciler: Reconciler,
    checker: Checker,
}

/// Changes what a [`Scheduler`] runs. Cheap to clone; it does not keep the schedule alive.
#[derive(Clone, Debug)]
pub struct Reconciler {
    inventories: mpsc::Sender<Reconcile>,
}

/// The schedule has ended: it takes no inventory any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule has ended")]
pub struct Ended;

impl Scheduler {
    /// Starts checking every line of `inventory` at its interval, for the first time within one
    /// interval from now. The inventory should be [valid](Inventory::validate): lines of unknown
    /// routers are left out.
    ///
    /// Every due time gets exactly one outcome, in due order for each line. When the receiver is
    /// slow, checks wait for it, and due times that pass meanwhile are skipped, as outcomes.
    ///
    /// When `shutdown` is cancelled, checks in flight are cancelled and skipped. The receiver
    /// should be read until it is empty.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(
        inventory: Inventory,
        pools: Arc<dyn Pools>,
        tasks: Arc<Tasks>,
        outcomes: mpsc::Sender<Outcome>,
        shutdown: CancellationToken,
    ) -> Self {
        let house = House {
            pools,
            tasks,
            clock: Clock::system(),
            turns: Turns::default(),
            outcomes,
            shutdown,
        };
        house.start(inventory)
    }

    /// What changes the inventory while the schedule runs.
    pub fn reconciler(&self) -> Reconciler {
        self.reconciler.clone()
    }

    /// What has lines checked at once while the schedule runs.
    pub fn checker(&self) -> Checker {
        self.checker.clone()
    }

    /// Waits until the schedule has ended and every outcome has been sent.
    ///
    /// # Panics
    ///
    /// If the supervisor panicked, with its panic.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future drops the scheduler.
    pub async fn join(self) {
        if let Err(error) = self.supervisor.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

impl Reconciler {
    /// Makes what runs what `inventory` declares, which should be [valid](Inventory::validate),
    /// and says what that changed. Whatever does not differ is not touched.
    ///
    /// | what changed | from when | checks in flight |
    /// |---|---|---|
    /// | a line is new | its first due time from now | |
    /// | a line is gone | now | cut off; it and what waited is skipped, as `withdrawn` |
    /// | a line's router | leaves there, then comes here | cut off and skipped, as above |
    /// | a line's interval, target, task | the next check that begins | end as they began |
    /// | a router's settings by which sessions are made | the next session; the old ones are closed | end on the session they have; those that wait for one begin again |
    /// | a router's other settings | now; sessions stay | as above |
    ///
    /// Every due time still has exactly one outcome: up to the change by the old inventory, after
    /// it by the new one.
    ///
    /// # Errors
    ///
    /// [`Ended`] when the schedule has ended, or ends meanwhile.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the inventory is taken over all the same or not at all.
    pub async fn reconcile(&self, inventory: Inventory) -> Result<InventoryDiff, Ended> {
        self.send(inventory, None).await
    }

    /// The same, with other `tasks` from now on: checks that begin are run by them. Checks in flight
    /// end as they began, and sessions stay.
    ///
    /// # Errors
    ///
    /// As [`reconcile`](Self::reconcile).
    ///
    /// # Cancel safety
    ///
    /// As [`reconcile`](Self::reconcile).
    pub async fn reconcile_with_tasks(
        &self,
        inventory: Inventory,
        tasks: Arc<Tasks>,
    ) -> Result<InventoryDiff, Ended> {
        self.send(inventory, Some(tasks)).await
    }

    async fn send(
        &self,
        inventory: Inventory,
        tasks: Option<Arc<Tasks>>,
    ) -> Result<InventoryDiff, Ended> {
        let (done, receiver) = oneshot::channel();
        let sent = self.inventories.send(Reconcile { inventory, tasks, done }).await;
        sent.map_err(|_| Ended)?;
        receiver.await.map_err(|_| Ended)
    }
}

/// Runs every line of `inventory` exactly once, now, with the concurrency and the time limits of
/// the schedule. Returns when every outcome has been sent, one for each line of a known router.
///
/// When `shutdown` is cancelled, what has not ended is skipped, as outcomes.
///
/// # Cancel safety
///
/// When the future is dropped, all checks stop.
pub async fn run_once(
    inventory: Inventory,
    pools: Arc<dyn Pools>,
    tasks: Arc<Tasks>,
    outcomes: mpsc::Sender<Outcome>,
    shutdown: CancellationToken,
) {
    let house =
        House { pools, tasks, clock: Clock::system(), turns: Turns::default(), outcomes, shutdown };
    house.run_once(inventory).await;
}

impl House {
    pub(crate) fn start(self, inventory: Inventory) -> Scheduler {
        let (inventories, receiver) = mpsc::channel(INVENTORIES_MAX);
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let supervisor = tokio::spawn(Supervisor::new(self).run(inventory, receiver, asked));
        let (reconciler, checker) = (Reconciler { inventories }, Checker::new(requests));
        Scheduler { supervisor: AbortOnDropHandle::new(supervisor), reconciler, checker }
    }
}
