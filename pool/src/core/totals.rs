use pool_core::PoolStats;

/// What happened since the pool was made. [`PoolStats`] says what each figure means.
///
/// There is one of these for each router. What happens at most once in a session's life or by a
/// sweep, and so far less than once a second, is counted in 32 bits: they last for 136 years.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) get_success: u64,
    pub(super) get_timeout: u64,
    pub(super) get_canceled: u64,
    pub(super) get_failed: u64,
    pub(super) created: u64,
    pub(super) create_failed: u32,
    pub(super) reused: u64,
    pub(super) discarded: u64,
    pub(super) closed: u64,
    pub(super) taken: u32,
    pub(super) health_failed: u32,
    pub(super) rebuilt: u32,
    pub(super) leak_suspected: u32,
    pub(super) gate_shut: u32,
}

impl Totals {
    pub(super) fn tell(&self, stats: &mut PoolStats) {
        stats.get_success_total = self.get_success;
        stats.get_timeout_total = self.get_timeout;
        stats.get_canceled_total = self.get_canceled;
        stats.get_failed_total = self.get_failed;
        stats.created_total = self.created;
        stats.create_failed_total = self.create_failed.into();
        stats.reused_total = self.reused;
        stats.discarded_total = self.discarded;
        stats.closed_total = self.closed;
        stats.taken_total = self.taken.into();
        stats.health_failed_total = self.health_failed.into();
        stats.rebuilt_total = self.rebuilt.into();
        stats.leak_suspected_total = self.leak_suspected.into();
        stats.gate_shut_total = self.gate_shut.into();
    }
}
