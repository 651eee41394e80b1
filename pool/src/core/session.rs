use std::panic::Location;
use std::time::Duration;

use pool_core::{DiscardReason, LeaseUse, RebuildReason, SlotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::jitter_percent;
use crate::rebuild::{RebuildPolicy, Wear};

/// A session that is there, and that is not being closed.
pub(super) struct Session<S> {
    pub(super) slot: SlotId,
    /// Here, unless somebody has it: a holder, or a test.
    pub(super) inner: Option<S>,
    pub(super) place: Place,
    pub(super) made: Instant,
    /// When it was last known to answer.
    pub(super) answered: Instant,
    /// When somebody last wanted it: when it was lent if it is lent, when it came back if it is
    /// idle, when it was made if nobody has had it. If it is `awaited`, when making it began.
    pub(super) wanted: Instant,
    /// Where it was taken, if it is lent and that is known.
    pub(super) taken_at: Option<&'static Location<'static>>,
    pub(super) uses: u32,
    pub(super) requests: u32,
    pub(super) failed: u32,
    /// Tests in a row that it failed.
    pub(super) health_failures: u32,
    /// Small, because there is one in each of thousands of idle sessions.
    lane: u8,
    /// How long its own limits are, in percent of what the options say: sessions that are made
    /// together are not to go together.
    pub(super) patience_percent: u8,
    /// Somebody asked for a new one in its place.
    pub(super) demanded: bool,
    /// Whether the caller that it is for has waited for the making of it.
    pub(super) awaited: bool,
    /// Whether it was reported that it has been lent for suspiciously long.
    pub(super) suspected: bool,
    /// It is to be closed, for this reason, as soon as nobody has it any more.
    pub(super) retire: Option<DiscardReason>,
}

/// Where a session is.
pub(super) enum Place {
    /// It can be lent, at once or after a test. The later the turn, the sooner it is lent.
    Idle(Turn),
    /// It is on its way to the caller with this ticket.
    Granted(Ticket),
    /// Somebody has it.
    Lent,
    /// It is being tested.
    Tested(Box<Test>),
}

/// The order in which sessions came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(pub(super) u64);

/// A place in the queue. Tickets are numbered over all lanes, in the order in which callers came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(super) u64);

/// A test that is under way.
pub(super) struct Test {
    pub(super) since: Instant,
    /// For a test that nobody asked for: the session's turn among the idle ones.
    pub(super) was_idle: Option<Turn>,
    /// Cuts the test off.
    pub(super) cut_off: CancellationToken,
}

impl<S> Session<S> {
    /// A session of `lane` that is idle from now on, the making of which began at `began`.
    pub(super) fn new(slot: SlotId, lane: usize, turn: Turn, began: Instant, now: Instant) -> Self {
        Self {
            slot,
            lane: u8::try_from(lane).expect("lanes are protocols, of which there is a handful"),
            inner: None,
            place: Place::Idle(turn),
            made: now,
            answered: now,
            wanted: began,
            taken_at: None,
            uses: 0,
            requests: 0,
            failed: 0,
            health_failures: 0,
            patience_percent: jitter_percent(),
            demanded: false,
            awaited: true,
            suspected: false,
            retire: None,
        }
    }

    #[inline]
    pub(super) fn lane(&self) -> usize {
        self.lane.into()
    }

    /// Whether a test of it is under way that nobody asked for.
    pub(super) fn is_kept_alive(&self) -> bool {
        matches!(&self.place, Place::Tested(test) if test.was_idle.is_some())
    }

    pub(super) fn test(&self) -> Option<&Test> {
        match &self.place {
            Place::Tested(test) => Some(test),
            _ => None,
        }
    }

    /// Its turn, if it is idle.
    pub(super) fn turn(&self) -> Option<Turn> {
        match self.place {
            Place::Idle(turn) => Some(turn),
            _ => None,
        }
    }

    /// Whether it is with somebody, or on its way there.
    pub(super) fn is_out(&self) -> bool {
        matches!(self.place, Place::Granted(_) | Place::Lent)
    }

    /// Whether it can be lent without a test, if one is needed after `check_after`, or after
    /// `degraded_after` failed ones.
    #[inline]
    pub(super) fn is_fresh(
        &self,
        now: Instant,
        check_after: Duration,
        degraded_after: u32,
    ) -> bool {
        now.duration_since(self.answered) < check_after && self.health_failures < degraded_after
    }

    /// Why it is to be replaced, if so.
    pub(super) fn due(&self, now: Instant, policy: &RebuildPolicy) -> Option<RebuildReason> {
        if self.demanded {
            return Some(RebuildReason::Demanded);
        }
        policy.reason(Wear {
            uses: u64::from(self.uses),
            age: now.duration_since(self.made),
            age_max: self.own(policy.max_age),
            requests: self.requests,
            failed: self.failed,
        })
    }

    /// Notes what was done with it.
    pub(super) fn note(&mut self, used: LeaseUse) {
        self.requests = self.requests.saturating_add(used.requests);
        self.failed = self.failed.saturating_add(used.failed);
    }

    /// A limit of all sessions, as it is for this one.
    pub(super) fn own(&self, limit: Duration) -> Duration {
        limit * u32::from(self.patience_percent) / 100
    }
}
