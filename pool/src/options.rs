use std::fmt::Display;
use std::time::Duration;

use pool_core::{ConfigProblem, Error, Result};

use crate::RebuildPolicy;

/// How a pool behaves, beyond what the device's configuration says. The defaults suit routers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// The pause after a first failed attempt to make a session. It doubles with each further
    /// one. Default 100 ms: long enough for a router to let go of a half-open login. (With a
    /// `retry_max_attempts` above 2, the second attempt of all follows after some 5 ms: the first
    /// failure may have been a blip.)
    pub backoff_first: Duration,
    /// The longest pause while somebody waits. Default 5 s: callers have deadlines of some tens of
    /// seconds and should see more than one attempt.
    pub backoff_max: Duration,
    /// After this many failures in a row the gate shuts. Default 5: two or three callers in a row
    /// have then been told in vain.
    pub gate_failures: u32,
    /// The longest time the gate stays shut. A device that came back is noticed after that.
    /// Default 30 s.
    pub gate_shut_max: Duration,
    /// How long the gate stays shut at first after an error that trying again cannot heal.
    /// Default 30 s.
    pub gate_permanent_first: Duration,
    /// And at the most. Default 10 min: accounts are commonly locked after three to five failed
    /// logins within five to fifteen minutes.
    pub gate_permanent_max: Duration,
    /// A session that nobody wanted for so long is closed. Default 5 min: half of the time after
    /// which most routers log an idle session out, so that we are the ones who say goodbye.
    pub idle_max: Duration,
    /// A session that has been idle for longer is tested before it is lent. Default 30 s: shorter
    /// than any firewall forgets a connection, and longer than the pauses between the lines of a
    /// busy router, so that they do not pay a round trip for nothing.
    pub check_when_idle_for: Duration,
    /// A session that has been idle for longer is tested while it is idle, so that one that is
    /// lost is replaced before anybody wants it. Each session has its own time, up to a quarter
    /// more or less. Default 2 min: often enough to keep stateful firewalls and the device's own
    /// idle timeout from cutting it.
    pub keepalive_after: Duration,
    /// After this many failed tests in a row a session is degraded: it is tested before it is
    /// lent, however short it was idle. Default 1.
    pub degraded_after: u32,
    /// After this many failed tests in a row a session is closed. Default 3. Only failures that
    /// do not [break the connection](pool_core::Error::breaks_connection) are counted; any other
    /// closes it at once, and so does every failure of a test that somebody waits for.
    pub unhealthy_after: u32,
    /// A lease that is held for longer is reported as a suspected leak. Default 10 min: checks
    /// are done within one or two.
    pub leak_after: Duration,
    /// How long a device is given to say goodbye. Default 5 s: a logout takes one round trip, and
    /// a device that has not answered by then will not.
    pub close_timeout: Duration,
    /// Which of several idle sessions is lent first. Default [`LendOrder::Latest`].
    pub lend: LendOrder,
    /// When sessions are replaced.
    pub rebuild: RebuildPolicy,
}

/// The order in which idle sessions are lent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LendOrder {
    /// The one that came back last: a few sessions do the work, and those that are not needed grow
    /// old and are closed.
    #[default]
    Latest,
    /// The one that has been idle for longest: all are used alike, and none is idle for long.
    LongestIdle,
}

impl LendOrder {
    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::LongestIdle => "longest_idle",
        }
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            backoff_first: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            gate_failures: 5,
            gate_shut_max: Duration::from_secs(30),
            gate_permanent_first: Duration::from_secs(30),
            gate_permanent_max: Duration::from_secs(600),
            idle_max: Duration::from_secs(300),
            check_when_idle_for: Duration::from_secs(30),
            keepalive_after: Duration::from_secs(120),
            degraded_after: 1,
            unhealthy_after: 3,
            leak_after: Duration::from_secs(600),
            close_timeout: Duration::from_secs(5),
            lend: LendOrder::default(),
            rebuild: RebuildPolicy::default(),
        }
    }
}

impl PoolOptions {
    /// Checks every field and reports all that is wrong at once.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] with one problem per field.
    pub fn validate(&self) -> Result<()> {
        let mut problems = Problems::default();
        self.validate_times(&mut problems);
        self.validate_counts(&mut problems);
        self.rebuild.validate(&mut problems);
        problems.into_result()
    }

    fn validate_times(&self, problems: &mut Problems) {
        problems.require_time("idle_max", self.idle_max);
        problems.require_time("check_when_idle_for", self.check_when_idle_for);
        problems.require_time("keepalive_after", self.keepalive_after);
        problems.require_time("leak_after", self.leak_after);
        problems.require_time("close_timeout", self.close_timeout);
        problems.require_time("backoff_max", self.backoff_max);
        problems.require_time("gate_shut_max", self.gate_shut_max);
        problems.require_time("gate_permanent_max", self.gate_permanent_max);
        let firsts = [
            ("backoff_first", self.backoff_first, "backoff_max", self.backoff_max),
            (
                "gate_permanent_first",
                self.gate_permanent_first,
                "gate_permanent_max",
                self.gate_permanent_max,
            ),
        ];
        for (key, first, bound, max) in firsts {
            let allowed = format!("1ms to {bound}, which is {max:?}");
            let holds = (TIME_MIN..=max).contains(&first);
            problems.require(holds, key, format_args!("{first:?}"), &allowed);
        }
    }

    fn validate_counts(&self, problems: &mut Problems) {
        problems.require_positive("gate_failures", self.gate_failures.into());
        problems.require_positive("unhealthy_after", self.unhealthy_after.into());
        let degraded = 1..=self.unhealthy_after.max(1);
        let allowed = format!("1 to unhealthy_after, which is {}", self.unhealthy_after);
        let holds = degraded.contains(&self.degraded_after);
        problems.require(holds, "degraded_after", self.degraded_after, &allowed);
    }
}

/// What is wrong with some options.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<ConfigProblem>);

impl Problems {
    /// Notes a problem unless it `holds` that `value` is allowed.
    pub(crate) fn require(&mut self, holds: bool, key: &str, value: impl Display, allowed: &str) {
        if !holds {
            self.0.push(ConfigProblem::new(key, value.to_string(), allowed));
        }
    }

    pub(crate) fn require_time(&mut self, key: &str, time: Duration) {
        let holds = (TIME_MIN..=TIME_MAX).contains(&time);
        self.require(holds, key, format_args!("{time:?}"), "1ms to 7 days");
    }

    pub(crate) fn require_positive(&mut self, key: &str, count: u64) {
        self.require(count > 0, key, count, "1 or more");
    }

    fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::InvalidConfig(self.0)) }
    }
}

const TIME_MIN: Duration = Duration::from_millis(1);
/// Beyond this a duration is more likely a mistake of units; sums of such times cannot overflow.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_all_problems_are_reported_at_once() {
        let mut options = PoolOptions::default();
        options.validate().unwrap();
        options.idle_max = Duration::ZERO;
        options.gate_failures = 0;
        options.degraded_after = 4;
        options.rebuild.max_usage = 0;
        options.rebuild.max_error_rate = f64::NAN;
        options.rebuild.share_percent = 101;
        options.rebuild.min_requests = 0;
        options.rebuild.min_interval = Duration::MAX;
        let Err(Error::InvalidConfig(problems)) = options.validate() else { panic!("must fail") };
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        let expected = [
            "idle_max",
            "gate_failures",
            "degraded_after",
            "rebuild.max_usage",
            "rebuild.min_interval",
            "rebuild.max_error_rate",
            "rebuild.min_requests",
            "rebuild.share_percent",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn what_comes_first_is_not_more_than_what_comes_at_the_most() {
        let options = PoolOptions {
            backoff_max: Duration::from_millis(50),
            gate_permanent_first: Duration::from_secs(601),
            ..PoolOptions::default()
        };
        let problems = options.validate().unwrap_err().to_string();
        assert!(problems.contains("backoff_first is 100ms: allowed is 1ms to backoff_max, which"));
        assert!(problems.contains("gate_permanent_first is 601s: allowed is 1ms to gate_"));
    }
}
