use pool_core::PoolEvent;
use tokio::time::Instant;

use super::lane::Lane;
use super::{Action, Core};
use crate::GateState;

impl<S, W, V> Core<S, W, V> {
    /// How making sessions of `lane` fails, if the latest attempt did.
    pub(crate) fn gate(&self, now: Instant, lane: usize) -> Option<GateState> {
        let failing = self.lanes[lane].retry.failing()?;
        Some(GateState {
            shut_for: failing.shut_since.map(|since| now.duration_since(since)),
            failing_for: now.duration_since(failing.since),
            attempts: failing.consecutive,
            failed_ago: now.duration_since(failing.at),
            next_try: failing.not_before.saturating_duration_since(now),
            error: failing.error.clone(),
        })
    }

    /// A session of `lane` was made: whatever was known against it is outdated.
    pub(super) fn open_gate(&mut self, lane: usize) -> Option<Action<S, W, V>> {
        let lane = &mut self.lanes[lane];
        let was_shut = lane.retry.gate_is_shut();
        lane.retry.succeeded();
        was_shut.then(|| Action::Event(PoolEvent::GateOpened { protocol: lane.protocol }))
    }

    /// After a failure that counts: says so if it shut the gate of `lane`, again or for the first
    /// time.
    pub(super) fn note_gate(&mut self, now: Instant, lane: usize) -> Option<Action<S, W, V>> {
        let Lane { protocol, retry, .. } = &self.lanes[lane];
        let failing = retry.shut(now)?;
        self.totals.gate_shut += 1;
        Some(Action::Event(PoolEvent::GateShut {
            protocol: *protocol,
            attempts: failing.consecutive,
            next_try: failing.not_before.duration_since(now),
            error: failing.error.clone(),
        }))
    }
}
