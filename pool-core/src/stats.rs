/// A picture of a pool at one moment: what is where, and what happened since it was made.
///
/// The counts are consistent with each other: they are taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Sessions the pool may have at once.
    pub max_connections: usize,
    /// Sessions that are lent.
    pub in_use: usize,
    /// Sessions that are ready.
    pub idle: usize,
    /// Sessions that are being made.
    pub creating: usize,
    /// Sessions that are being tested, by the pool itself.
    pub checking: usize,
    /// Sessions that are being closed. They still count against the device's limit.
    pub closing: usize,
    /// Callers that wait.
    pub waiting: usize,
    /// Sessions among the idle ones that failed their latest tests.
    pub degraded: usize,
    /// Protocols whose gate is shut: the device is left alone for a while.
    pub gates_shut: usize,

    /// Gets that ended with a lease.
    pub get_success_total: u64,
    /// Gets whose deadline passed.
    pub get_timeout_total: u64,
    /// Gets that were cancelled or dropped.
    pub get_canceled_total: u64,
    /// Gets that failed otherwise.
    pub get_failed_total: u64,
    /// Sessions made.
    pub created_total: u64,
    /// Attempts to make a session that failed.
    pub create_failed_total: u64,
    /// Leases of a session that had been lent before.
    pub reused_total: u64,
    /// Sessions closed because they could not be lent again.
    pub discarded_total: u64,
    /// Sessions whose closing is done.
    pub closed_total: u64,
    /// Sessions that whoever held them kept.
    pub taken_total: u64,
    /// Tests of sessions that failed.
    pub health_failed_total: u64,
    /// Sessions closed because they were replaced.
    pub rebuilt_total: u64,
    /// Leases that were held for suspiciously long.
    pub leak_suspected_total: u64,
    /// Times a gate was shut.
    pub gate_shut_total: u64,
}

impl PoolStats {
    /// The figures of several pools together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            max_connections: self.max_connections + other.max_connections,
            in_use: self.in_use + other.in_use,
            idle: self.idle + other.idle,
            creating: self.creating + other.creating,
            checking: self.checking + other.checking,
            closing: self.closing + other.closing,
            waiting: self.waiting + other.waiting,
            degraded: self.degraded + other.degraded,
            gates_shut: self.gates_shut + other.gates_shut,
            get_success_total: self.get_success_total + other.get_success_total,
            get_timeout_total: self.get_timeout_total + other.get_timeout_total,
            get_canceled_total: self.get_canceled_total + other.get_canceled_total,
            get_failed_total: self.get_failed_total + other.get_failed_total,
            created_total: self.created_total + other.created_total,
            create_failed_total: self.create_failed_total + other.create_failed_total,
            reused_total: self.reused_total + other.reused_total,
            discarded_total: self.discarded_total + other.discarded_total,
            closed_total: self.closed_total + other.closed_total,
            taken_total: self.taken_total + other.taken_total,
            health_failed_total: self.health_failed_total + other.health_failed_total,
            rebuilt_total: self.rebuilt_total + other.rebuilt_total,
            leak_suspected_total: self.leak_suspected_total + other.leak_suspected_total,
            gate_shut_total: self.gate_shut_total + other.gate_shut_total,
        }
    }
}
