use pool_core::PoolStats;

/// What happened since the pool was made. [`PoolStats`] says what each figure means.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) get_success: u64,
    pub(super) get_timeout: u64,
    pub(super) get_canceled: u64,
    pub(super) get_failed: u64,
    pub(super) created: u64,
    pub(super) create_failed: u64,
    pub(super) reused: u64,
    pub(super) discarded: u64,
    pub(super) closed: u64,
    pub(super) taken: u64,
    pub(super) health_failed: u64,
    pub(super) rebuilt: u64,
    pub(super) leak_suspected: u64,
    pub(super) gate_shut: u64,
}

impl Totals {
    pub(super) fn tell(&self, stats: &mut PoolStats) {
        stats.get_success_total = self.get_success;
        stats.get_timeout_total = self.get_timeout;
        stats.get_canceled_total = self.get_canceled;
        stats.get_failed_total = self.get_failed;
        stats.created_total = self.created;
        stats.create_failed_total = self.create_failed;
        stats.reused_total = self.reused;
        stats.discarded_total = self.discarded;
        stats.closed_total = self.closed;
        stats.taken_total = self.taken;
        stats.health_failed_total = self.health_failed;
        stats.rebuilt_total = self.rebuilt;
        stats.leak_suspected_total = self.leak_suspected;
        stats.gate_shut_total = self.gate_shut;
    }
}
