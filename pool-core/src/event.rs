use std::fmt;
use std::panic::Location;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::{Error, Protocol, SlotId};

/// Something that happened in a pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolEvent {
    /// A session was made.
    Created {
        /// The session.
        slot: SlotId,
        /// How it talks to the device.
        protocol: Protocol,
    },
    /// A session could not be made.
    CreateFailed {
        /// The protocol that was tried.
        protocol: Protocol,
        /// Why.
        error: Error,
    },
    /// A session was lent.
    Acquired {
        /// The session.
        slot: SlotId,
        /// Whether it had been lent before.
        reused: bool,
    },
    /// A session came back and can be lent again.
    Returned {
        /// The session.
        slot: SlotId,
    },
    /// A session is not lent again and is being closed.
    Discarded {
        /// The session.
        slot: SlotId,
        /// Why.
        reason: DiscardReason,
    },
    /// A session is closed, and no longer counts.
    Closed {
        /// The session.
        slot: SlotId,
    },
    /// Whoever held a session keeps it for good, and it no longer counts.
    Taken {
        /// The session.
        slot: SlotId,
    },
    /// A session was tested.
    HealthChecked {
        /// The session.
        slot: SlotId,
        /// How long the test took.
        took: Duration,
        /// Why it failed, if it did.
        error: Option<Error>,
    },
    /// A session is about to be replaced.
    Rebuilding {
        /// The session.
        slot: SlotId,
        /// Why.
        reason: RebuildReason,
    },
    /// A warm-up came to its end.
    WarmedUp {
        /// Whose sessions were wanted.
        protocol: Protocol,
        /// Sessions that are ready or lent now.
        ready: usize,
        /// Attempts that failed.
        failed: usize,
    },
    /// The device is left alone for a while: callers are told why at once.
    GateShut {
        /// The protocol that keeps failing.
        protocol: Protocol,
        /// Failed attempts in a row.
        attempts: u32,
        /// When the next attempt may be made, from now.
        next_try: Duration,
        /// How the latest attempt failed.
        error: Error,
    },
    /// A session could be made again after a gate was shut.
    GateOpened {
        /// The protocol that works again.
        protocol: Protocol,
    },
    /// A session has been lent for suspiciously long. Told once for each lease.
    LeakSuspected {
        /// The session.
        slot: SlotId,
        /// For how long it has been lent.
        held: Duration,
        /// Where it was taken, if that is known.
        taken_at: Option<&'static Location<'static>>,
    },
    /// The listener was too slow and missed this many events.
    Missed(u64),
}

/// Why a session is not lent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiscardReason {
    /// A command was cut short: cancelled, dropped or timed out.
    CutShort,
    /// A command ended with an error that breaks the connection.
    Broken,
    /// Whoever held it panicked.
    HolderPanicked,
    /// Whoever held it said so.
    Unwanted,
    /// The pool closed.
    PoolClosed,
    /// Nobody has wanted it for long.
    Expired,
    /// It made room for another session, or somebody asked for that.
    Evicted,
    /// It did not pass its test.
    Unhealthy,
    /// It was old, much used or failing, and was replaced.
    Rebuilt,
}

/// Why a session is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RebuildReason {
    /// It was lent often.
    Usage,
    /// It is old.
    Age,
    /// Too many of its requests failed.
    Errors,
    /// Somebody asked for it.
    Demanded,
}

impl RebuildReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Usage, Self::Age, Self::Errors, Self::Demanded];

    /// The stable name used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Age => "age",
            Self::Errors => "errors",
            Self::Demanded => "demanded",
        }
    }
}

impl fmt::Display for RebuildReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl DiscardReason {
    /// All reasons.
    pub const ALL: [Self; 9] = [
        Self::CutShort,
        Self::Broken,
        Self::HolderPanicked,
        Self::Unwanted,
        Self::PoolClosed,
        Self::Expired,
        Self::Evicted,
        Self::Unhealthy,
        Self::Rebuilt,
    ];

    /// The stable name used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CutShort => "cut_short",
            Self::Broken => "broken",
            Self::HolderPanicked => "holder_panicked",
            Self::Unwanted => "unwanted",
            Self::PoolClosed => "pool_closed",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::Unhealthy => "unhealthy",
            Self::Rebuilt => "rebuilt",
        }
    }
}

impl fmt::Display for DiscardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sending side of a pool's events. Sending never waits.
#[derive(Clone, Debug)]
pub struct EventSender(broadcast::Sender<PoolEvent>);

impl EventSender {
    /// A sender that keeps up to `capacity` events for its slowest listener.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity))
    }

    /// Tells every listener. With no listener the event is gone, and `event` is not even made.
    pub fn send(&self, event: impl FnOnce() -> PoolEvent) {
        if self.0.receiver_count() > 0 {
            // Fails only if the last listener left since the line above.
            self.0.send(event()).ok();
        }
    }

    /// A stream of the events from now on.
    pub fn subscribe(&self) -> EventStream {
        EventStream(self.0.subscribe())
    }
}

/// A listener's view of a pool's events. Every listener sees every event.
#[derive(Debug)]
pub struct EventStream(broadcast::Receiver<PoolEvent>);

impl EventStream {
    /// The next event, or `None` when the pool is gone. A listener that lags gets
    /// [`PoolEvent::Missed`] with how many it missed, and goes on with the oldest kept.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<PoolEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(PoolEvent::Missed(count)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
