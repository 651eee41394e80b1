use std::time::Duration;

use pool_core::Error;
use tokio::time::Instant;

use super::Limits;
use super::backoff::{doubled, jittered};
use crate::PoolOptions;

/// The one schedule by which the sessions of a lane are attempted, shared by all who wait.
///
/// While all goes well, attempts run side by side. After a failure they go one at a time, in
/// numbered rounds, with a growing pause before each, until one succeeds. Attempts of an earlier
/// round that fail later say nothing new, and are not counted again.
///
/// When attempts keep failing, or trying again cannot help, the gate shuts: newcomers are told at
/// once what is wrong. After a while it opens for one attempt, whose end everybody who has come
/// meanwhile waits for; a failure shuts it again, for longer.
#[derive(Debug, Default)]
pub(super) struct Retry {
    round: u64,
    /// Boxed, because most devices do not fail, and it is large.
    failing: Option<Box<Failing>>,
}

/// The pause after the first failure since the last success, which may have been a blip. It is this
/// short only if that leaves an attempt for after a longer pause: a router that has to let go of
/// a half-open login first needs one.
const BLIP_PAUSE: Duration = Duration::from_millis(5);

/// Attempts that are made for the same waiters, before they are told.
#[derive(Clone, Copy, Debug)]
struct Series {
    since: Instant,
    failures: u32,
}

/// What is known of a lane whose latest attempt failed.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) error: Error,
    pub(super) at: Instant,
    /// When the first attempt since the last success failed.
    pub(super) since: Instant,
    /// No attempt before this time.
    pub(super) not_before: Instant,
    /// Counted failures since the last success.
    pub(super) consecutive: u32,
    gate: Gate,
    /// Attempts that failed for those who wait now.
    series: Option<Series>,
    /// When somebody has been asked to look again.
    armed: Option<Instant>,
    /// When the gate shut first since the last success.
    pub(super) shut_since: Option<Instant>,
}

impl Failing {
    /// What a caller is told that is not let in.
    pub(super) fn turns_away(&self, now: Instant) -> Error {
        Error::GateShut {
            attempts: self.consecutive,
            age: now.duration_since(self.at),
            next_try: self.not_before.duration_since(now),
            cause: Box::new(self.error.clone()),
        }
    }
}

/// Whether newcomers may wait for attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// Shut until the next attempt is due, and from then on open for that attempt only.
    Shut,
}

/// Whether an attempt may be started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Permission {
    Now,
    At(Instant),
    /// One of this round is under way, and decides what comes next.
    AfterAttempt,
}

/// Whether a failure ends the patience with which a session was attempted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// It will be tried again.
    No,
    /// All attempts, or the time for them, are used up.
    Attempts,
    /// Trying again cannot help, and may lock the account.
    Permanent,
}

impl Retry {
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    pub(super) fn failing(&self) -> Option<&Failing> {
        self.failing.as_deref()
    }

    /// Whether an attempt may be started, when one of this round is under way or not.
    pub(super) fn permission(&self, now: Instant, trying: bool) -> Permission {
        match &self.failing {
            None => Permission::Now,
            Some(_) if trying => Permission::AfterAttempt,
            Some(failing) if failing.not_before > now => Permission::At(failing.not_before),
            Some(_) => Permission::Now,
        }
    }

    /// Notes that somebody is to look again at `time`; false if that was noted before.
    pub(super) fn arm(&mut self, now: Instant, time: Instant) -> bool {
        let Some(failing) = &mut self.failing else { return false };
        if failing.armed.is_some_and(|armed| now < armed && armed <= time) {
            return false;
        }
        failing.armed = Some(time);
        true
    }

    /// The attempts so far are not counted any more. The pause after the latest failure stands.
    pub(super) fn begin_series(&mut self) {
        if let Some(failing) = &mut self.failing {
            failing.series = None;
        }
    }

    /// An attempt starts. Returns how long it may take.
    pub(super) fn start(&mut self, now: Instant, limits: &Limits) -> Duration {
        let (whole, attempt) = (limits.config.retry_timeout, limits.config.connect_timeout);
        let series = self.failing.as_ref().and_then(|failing| failing.series);
        let left = series.map(|series| (series.since + whole).saturating_duration_since(now));
        match left {
            Some(left) if !left.is_zero() => attempt.min(left),
            _ => {
                self.begin_series();
                attempt.min(whole)
            }
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.failing = None;
    }

    /// Why newcomers are not to wait for an attempt now, if so.
    pub(super) fn shut(&self, now: Instant) -> Option<&Failing> {
        let failing = self.failing.as_deref()?;
        (failing.gate == Gate::Shut && failing.not_before > now).then_some(failing)
    }

    /// Whether the gate has been shut since the last success.
    pub(super) fn gate_is_shut(&self) -> bool {
        self.failing.as_ref().is_some_and(|failing| failing.gate == Gate::Shut)
    }

    /// An attempt of `round` failed that was made since `began`.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        began: Instant,
        round: u64,
        error: &Error,
        limits: &Limits,
    ) -> Spent {
        let options = &*limits.options;
        let fresh = round == self.round;
        self.round += u64::from(fresh);
        let before = self.failing.take();
        let (failures, was) = before.as_ref().map_or((0, Gate::Open), |f| (f.consecutive, f.gate));
        let consecutive = failures + u32::from(fresh);
        let pause = match (error.is_transient(), was) {
            (true, Gate::Open) if consecutive == 1 && limits.config.retry_max_attempts > 2 => {
                BLIP_PAUSE
            }
            (false, _) => permanent_pause(consecutive, options),
            (true, Gate::Shut) => {
                doubled(options.backoff_first, consecutive).min(options.gate_shut_max)
            }
            (true, Gate::Open) => {
                doubled(options.backoff_first, consecutive).min(options.backoff_max)
            }
        };
        let due = now + jittered(pause);
        let not_before = match &before {
            // A late failure of an earlier round says nothing new about when to try again...
            Some(failing) if !fresh && error.is_transient() => failing.not_before,
            // ...unless it is one that trying again cannot heal.
            Some(failing) => due.max(failing.not_before),
            None => due,
        };
        let mut series = before.as_ref().and_then(|failing| failing.series);
        let spent = match was {
            _ if !error.is_transient() => Spent::Permanent,
            _ if !fresh => Spent::No,
            Gate::Shut => Spent::Attempts,
            Gate::Open => {
                series.get_or_insert(Series { since: began, failures: 0 }).count(not_before, limits)
            }
        };
        let gate = match spent {
            Spent::No => was,
            Spent::Attempts if consecutive < options.gate_failures => was,
            Spent::Attempts | Spent::Permanent => Gate::Shut,
        };
        let series = series.filter(|_| spent == Spent::No);
        let armed = before.as_ref().and_then(|failing| failing.armed);
        let since = before.as_ref().map_or(now, |failing| failing.since);
        let shut_since = before.and_then(|failing| failing.shut_since);
        let shut_since = shut_since.or_else(|| (gate == Gate::Shut).then_some(now));
        let error = error.clone();
        self.failing = Some(Box::new(Failing {
            error,
            at: now,
            since,
            not_before,
            consecutive,
            gate,
            series,
            armed,
            shut_since,
        }));
        spent
    }
}

impl Series {
    /// Counts a failure, after which the next attempt would be made at `next`.
    fn count(&mut self, next: Instant, limits: &Limits) -> Spent {
        self.failures += 1;
        let left = self.failures < limits.config.retry_max_attempts;
        let in_time = next < self.since + limits.config.retry_timeout;
        if left && in_time { Spent::No } else { Spent::Attempts }
    }
}

fn permanent_pause(failures: u32, options: &PoolOptions) -> Duration {
    doubled(options.gate_permanent_first, failures).min(options.gate_permanent_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_heal_is_left_alone_for_minutes() {
        let options = PoolOptions::default();
        let seconds = |failures| permanent_pause(failures, &options).as_secs();
        assert_eq!([1, 2, 5, 6, u32::MAX].map(seconds), [30, 60, 480, 600, 600]);
    }
}
