use std::time::Duration;

use tokio::time::Instant;

use super::FleetLimits;
use super::queue::{FairQueue, RouterId, Turn};

/// The rules of the limits on logins, without I/O: how many at once, and how many in a second.
///
/// It is generic over who waits, `T`. Whoever is served has a permit, which must come back with
/// [`done`](Self::done).
#[derive(Debug)]
pub(super) struct Logins<T> {
    in_flight_max: usize,
    /// From the beginning of one login to that of the next.
    pace: Duration,
    in_flight: usize,
    /// No login begins earlier.
    not_before: Option<Instant>,
    /// Somebody has been asked to look again.
    armed: bool,
    queue: FairQueue<T>,
}

/// What follows from an event.
#[derive(Debug)]
#[must_use]
pub(super) struct Verdict<T> {
    /// They may log in now.
    pub(super) served: Vec<T>,
    /// When to call [`woken`](Logins::woken).
    pub(super) wake_at: Option<Instant>,
}

fn in_flight_max(limits: &FleetLimits) -> usize {
    limits.logins_in_flight_max.map_or(usize::MAX, Into::into)
}

fn pace(limits: &FleetLimits) -> Duration {
    limits.logins_per_second.map(|rate| Duration::from_secs(1) / rate.get()).unwrap_or_default()
}

impl<T> Logins<T> {
    pub(super) fn new(limits: &FleetLimits) -> Self {
        Self {
            in_flight_max: in_flight_max(limits),
            pace: pace(limits),
            in_flight: 0,
            not_before: None,
            armed: false,
            queue: FairQueue::default(),
        }
    }

    /// Other limits from now on. Logins under way beyond them are not cut; the pause that has begun
    /// is as long as it was meant to be.
    pub(super) fn set_limits(&mut self, now: Instant, limits: &FleetLimits) -> Verdict<T> {
        (self.in_flight_max, self.pace) = (in_flight_max(limits), pace(limits));
        self.serve(now)
    }

    /// Queues somebody who wants to log in.
    pub(super) fn enqueue(&mut self, now: Instant, router: RouterId, who: T) -> (Turn, Verdict<T>) {
        let turn = self.queue.push(router, who);
        (turn, self.serve(now))
    }

    /// Takes somebody out of the queue, if they are still in it.
    pub(super) fn leave(&mut self, turn: Turn) -> Option<T> {
        self.queue.remove(turn)
    }

    /// A login has ended.
    pub(super) fn done(&mut self, now: Instant) -> Verdict<T> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.serve(now)
    }

    /// The time has come that a verdict asked to be woken at.
    pub(super) fn woken(&mut self, now: Instant) -> Verdict<T> {
        self.armed = false;
        self.serve(now)
    }

    /// Nobody will look again after all.
    pub(super) fn disarmed(&mut self) {
        self.armed = false;
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn serve(&mut self, now: Instant) -> Verdict<T> {
        let mut verdict = Verdict { served: Vec::new(), wake_at: None };
        while self.in_flight < self.in_flight_max && !self.queue.is_empty() {
            if let Some(later) = self.not_before.filter(|&time| time > now) {
                verdict.wake_at = (!self.armed).then_some(later);
                self.armed = true;
                break;
            }
            verdict.served.extend(self.queue.pop());
            self.in_flight += 1;
            self.not_before = Some(now + self.pace);
        }
        verdict
    }
}
