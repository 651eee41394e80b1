use std::sync::Arc;
use std::time::Duration;

use pool_core::{Error, PhaseTrace, SlotId};
use tokio::time::Instant;

/// A session that has been idle for longer is tested before it is lent. Shorter than any firewall
/// forgets a connection; longer than the pauses between the lines of a busy router, so that they
/// do not pay a round trip for nothing.
pub(super) const CHECK_WHEN_IDLE_FOR: Duration = Duration::from_secs(30);

/// What a session keeps through its whole life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    pub(super) slot: SlotId,
    pub(super) lane: usize,
    pub(super) uses: u64,
    /// How long it may be idle before it is closed.
    pub(super) patience: Duration,
}

/// A session that can be lent, at once or after a test.
pub(super) struct Idle<S> {
    pub(super) card: Card,
    pub(super) session: S,
    /// When it was last known to answer.
    pub(super) since: Instant,
    /// How long making it took, as long as nobody has used it.
    pub(super) connect: Option<Duration>,
}

impl<S> Idle<S> {
    /// Whether it can be lent without a test.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.since) < CHECK_WHEN_IDLE_FOR
    }
}

/// A session that somebody has.
pub(super) struct Lent {
    pub(super) card: Card,
    pub(super) since: Instant,
}

/// A session that is being tested.
pub(super) struct Check {
    pub(super) card: Card,
    pub(super) since: Instant,
}

/// A session that is being made.
pub(super) struct Create<V> {
    pub(super) slot: SlotId,
    pub(super) lane: usize,
    /// Which round of the lane's attempts it belongs to.
    pub(super) round: u64,
    pub(super) since: Instant,
    pub(super) trace: Option<Arc<PhaseTrace>>,
    /// Why it has not begun yet, if something outside of the pool holds it up.
    pub(super) held_up: Option<Error>,
    pub(super) watchers: Vec<V>,
}
