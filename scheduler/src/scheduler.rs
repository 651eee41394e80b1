use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Inventory, Outcome, PingTask, Pools};

/// The running schedule of an inventory.
#[derive(Debug)]
pub struct Scheduler {}

impl Scheduler {
    /// Starts checking every line at its interval.
    pub fn start(
        _inventory: Inventory,
        _pools: Arc<dyn Pools>,
        _ping: Arc<PingTask>,
        _outcomes: mpsc::Sender<Outcome>,
        _shutdown: CancellationToken,
    ) -> Self {
        Self {}
    }

    /// Waits until the schedule has ended and every outcome has been sent.
    pub async fn join(self) {}
}

/// Runs every line of `inventory` exactly once, now.
pub async fn run_once(
    _inventory: Inventory,
    _pools: Arc<dyn Pools>,
    _ping: Arc<PingTask>,
    _outcomes: mpsc::Sender<Outcome>,
    _shutdown: CancellationToken,
) {
}
