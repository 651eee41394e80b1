use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{DiscardReason, Error, PhaseTrace, SlotId};
use tokio::time::Instant;

/// What a session keeps through its whole life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    pub(super) slot: SlotId,
    pub(super) lane: usize,
    pub(super) uses: u64,
    /// How long it may be idle before it is closed.
    pub(super) patience: Duration,
    /// How long it may be idle before it is tested.
    pub(super) keepalive_after: Duration,
    /// Tests in a row that it failed.
    pub(super) health_failures: u32,
    pub(super) made: Instant,
    /// How old it may get before it is replaced, if the policy says so.
    pub(super) age_max: Duration,
    pub(super) requests: u32,
    pub(super) failed: u32,
    /// Somebody asked for a new one in its place.
    pub(super) demanded: bool,
    /// It is to be closed, for this reason, as soon as nobody has it any more.
    pub(super) retire: Option<DiscardReason>,
}

/// A session that can be lent, at once or after a test.
pub(super) struct Idle<S> {
    pub(super) card: Card,
    pub(super) session: S,
    /// When it was last known to answer.
    pub(super) since: Instant,
    /// When somebody last used it, or when it was made.
    pub(super) returned: Instant,
    /// How long making it took, as long as nobody has used it.
    pub(super) connect: Option<Duration>,
}

impl<S> Idle<S> {
    /// Whether it can be lent without a test, if one is needed after `check_after`.
    pub(super) fn is_fresh(&self, now: Instant, check_after: Duration) -> bool {
        now.duration_since(self.since) < check_after
    }
}

/// A session that somebody has.
pub(super) struct Lent {
    pub(super) card: Card,
    pub(super) since: Instant,
    /// Where it was taken, if that is known.
    pub(super) taken_at: Option<&'static Location<'static>>,
    /// Whether it was reported that it has been lent for suspiciously long.
    pub(super) suspected: bool,
}

/// A session that is being tested.
pub(super) struct Check {
    pub(super) card: Card,
    pub(super) since: Instant,
    /// For a test that nobody asked for: when the session was last known to answer, and when it
    /// was last used.
    pub(super) was_idle: Option<(Instant, Instant)>,
}

impl Check {
    /// Whether nobody asked for it.
    pub(super) fn is_keepalive(&self) -> bool {
        self.was_idle.is_some()
    }
}

/// A session that is being made.
pub(super) struct Create<V> {
    pub(super) slot: SlotId,
    pub(super) lane: usize,
    /// Which round of the lane's attempts it belongs to.
    pub(super) round: u64,
    pub(super) since: Instant,
    /// The session that the new one replaces.
    pub(super) replaces: Option<SlotId>,
    pub(super) trace: Option<Arc<PhaseTrace>>,
    /// Why it has not begun yet, if something outside of the pool holds it up.
    pub(super) held_up: Option<Error>,
    pub(super) watchers: Vec<V>,
}
