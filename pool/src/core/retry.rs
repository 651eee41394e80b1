use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use pool_core::Error;
use tokio::time::Instant;

use super::Limits;

/// The pause after a first failure: long enough for a router to let go of a half-open login.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest pause. Whoever waits has a deadline of some tens of seconds, and should see more
/// than one attempt.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Pauses are stretched and shrunk by up to this many percent, so that the pools of a site that
/// came back from a power cut do not log in in step.
const JITTER_PERCENT: u64 = 25;

/// The one schedule by which the sessions of a lane are attempted, shared by all who wait.
///
/// While all goes well, attempts run side by side. After a failure they go one at a time, in
/// numbered rounds, with a growing pause before each, until one succeeds. Attempts of an earlier
/// round that fail later say nothing new, and are not counted again.
#[derive(Debug, Default)]
pub(super) struct Retry {
    round: u64,
    series: Option<Series>,
    failing: Option<Failing>,
    /// When somebody has been asked to look again.
    armed: Option<Instant>,
}

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
    /// No attempt before this time.
    not_before: Instant,
    /// Counted failures since the last success.
    consecutive: u32,
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
        self.failing.as_ref()
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
        if self.armed.is_some_and(|armed| now < armed && armed <= time) {
            return false;
        }
        self.armed = Some(time);
        true
    }

    /// Nobody waits for the attempts so far any more, so they are not counted against whoever
    /// comes next. The pause after the latest failure stands.
    pub(super) fn begin_series(&mut self) {
        self.series = None;
    }

    /// An attempt starts. Returns how long it may take.
    pub(super) fn start(&mut self, now: Instant, limits: &Limits) -> Duration {
        let left = self
            .series
            .filter(|series| series.failures > 0)
            .map(|series| (series.since + limits.retry_timeout).saturating_duration_since(now));
        let left = left.filter(|left| !left.is_zero()).unwrap_or_else(|| {
            self.series = Some(Series { since: now, failures: 0 });
            limits.retry_timeout
        });
        limits.connect_timeout.min(left)
    }

    pub(super) fn succeeded(&mut self) {
        self.series = None;
        self.failing = None;
    }

    /// An attempt of `round` failed.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        round: u64,
        error: &Error,
        limits: &Limits,
        jitter: &mut Jitter,
    ) -> Spent {
        let before = self.failing.take();
        let fresh = round == self.round;
        let consecutive = before.as_ref().map_or(0, |f| f.consecutive) + u32::from(fresh);
        let not_before = match before {
            Some(failing) if !fresh => failing.not_before,
            _ => now + jitter.apply(backoff(consecutive)),
        };
        self.failing = Some(Failing { error: error.clone(), at: now, not_before, consecutive });
        if !error.is_transient() {
            self.round += u64::from(fresh);
            self.series = None;
            return Spent::Permanent;
        }
        if !fresh {
            return Spent::No;
        }
        self.round += 1;
        self.count_failure(now, not_before, limits)
    }

    fn count_failure(&mut self, now: Instant, next: Instant, limits: &Limits) -> Spent {
        let series = self.series.get_or_insert(Series { since: now, failures: 0 });
        series.failures += 1;
        if series.failures < limits.attempts_max && next < series.since + limits.retry_timeout {
            return Spent::No;
        }
        self.series = None;
        Spent::Attempts
    }
}

/// The pause after that many failures in a row: doubled each time, up to a limit.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (BACKOFF_FIRST * 2_u32.pow(doublings)).min(BACKOFF_MAX)
}

/// A source of small differences. It need not be unpredictable, only unlike that of others.
#[derive(Debug, Default)]
pub(super) struct Jitter {
    seed: RandomState,
    drawn: u64,
}

impl Jitter {
    fn apply(&mut self, pause: Duration) -> Duration {
        self.drawn += 1;
        let spread = 2 * JITTER_PERCENT + 1;
        let percent = 100 - JITTER_PERCENT + self.seed.hash_one(self.drawn) % spread;
        let percent = u32::try_from(percent).expect("at most 125");
        pause * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let millis = |failures| backoff(failures).as_millis();
        assert_eq!([1, 2, 3, 6, 7, u32::MAX].map(millis), [100, 200, 400, 3200, 5000, 5000]);
    }

    #[test]
    fn jitter_stays_within_a_quarter_and_varies() {
        let mut jitter = Jitter::default();
        let pauses: Vec<_> =
            (0..100).map(|_| jitter.apply(Duration::from_secs(1)).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (750..=1250).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|&pause| pause != pauses[0]));
    }
}
