use std::fmt;

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
}

impl DiscardReason {
    /// The stable name used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CutShort => "cut_short",
            Self::Broken => "broken",
            Self::HolderPanicked => "holder_panicked",
            Self::Unwanted => "unwanted",
            Self::PoolClosed => "pool_closed",
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
