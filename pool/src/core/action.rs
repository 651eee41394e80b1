use std::time::Duration;

use pool_core::{DiscardReason, Error, PoolEvent, Result, SlotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Something for the shell to do. An action that is not carried out loses a slot.
#[must_use]
pub(crate) enum Action<S, W, V> {
    /// Wake whoever waits: there is a session for them to `collect`.
    Grant { waiter: W, slot: SlotId },
    /// Wake whoever waits: they get none, and `collect` tells them why.
    Fail { waiter: W, error: Error },
    /// Make a session within `timeout`; answer with `created` or `create_failed`.
    Create { slot: SlotId, lane: usize, timeout: Duration, cut_off: CancellationToken },
    /// Test whether the session still answers; answer with `checked`, `check_failed`, or, if it
    /// is lost, `check_abandoned`.
    Check { slot: SlotId, session: S, cut_off: CancellationToken },
    /// Cancel what is being made or tested.
    CutOff(CancellationToken),
    /// Tell a watcher how its attempt ended.
    Tell { watcher: V, result: Result<()> },
    /// Close the session within a bound; answer with `closed`.
    Close { slot: SlotId, session: S, reason: DiscardReason },
    /// Tell the listeners what no other action implies.
    Event(PoolEvent),
    /// Call `woken` at that time.
    WakeAt(Instant),
    /// The pool is closed, and nothing of it is left.
    Drained,
}

/// What is to be done, in this order. Empty, and without an allocation, on the idle path.
pub(crate) type Actions<S, W, V> = Vec<Action<S, W, V>>;

/// A session on its way to a caller.
#[derive(Debug)]
pub(crate) struct Loan<S> {
    pub(crate) slot: SlotId,
    pub(crate) session: S,
    /// Whether it had been lent before.
    pub(crate) reused: bool,
    /// How long making it took, if this caller waited for that.
    pub(crate) connect: Option<Duration>,
}

/// How a get ended, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GetOutcome {
    Lent { reused: bool },
    TimedOut,
    Cancelled,
    Failed,
}
