use std::time::Duration;

use pool_core::RebuildReason;

use crate::options::{Problems, TIME_MAX};

/// When a session is replaced by a new one.
///
/// The new one is made first when there is a free slot, and the old one closed once it is idle;
/// without a free slot, the old one is closed when it is idle and nobody waits. While sessions of
/// its protocol cannot be made, a session is kept, however old.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RebuildPolicy {
    /// Which of the limits below count. Default [`RebuildStrategy::Any`].
    pub strategy: RebuildStrategy,
    /// How many times a session may be lent. Default 200.
    pub max_usage: u64,
    /// How old a session may get. Each gets its own limit, up to a quarter more or less, so that
    /// sessions that were made together do not go together. Default 30 min.
    pub max_age: Duration,
    /// Which part of its requests may fail, from 0 to 1. Default 0.2. (A request that breaks the
    /// connection closes the session anyway.)
    pub max_error_rate: f64,
    /// How many requests a session must have had before its error rate counts. Default 10.
    pub min_requests: u32,
    /// A session is not replaced sooner after it was made, unless somebody asks for it: what ails
    /// a session that young ails the next as well. Default 5 min.
    pub min_interval: Duration,
    /// How many of the sessions that a pool may have are replaced at a time, in percent, but at
    /// least one. Default 25.
    pub share_percent: u32,
}

/// Which limits of a [`RebuildPolicy`] count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RebuildStrategy {
    /// None: sessions are replaced on demand only.
    Never,
    /// `max_usage`.
    Usage,
    /// `max_age`.
    Age,
    /// `max_error_rate`.
    Error,
    /// All three must be exceeded.
    All,
    /// One of the three is enough.
    #[default]
    Any,
}

impl RebuildStrategy {
    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Usage => "usage",
            Self::Age => "age",
            Self::Error => "error",
            Self::All => "all",
            Self::Any => "any",
        }
    }
}

impl Default for RebuildPolicy {
    fn default() -> Self {
        Self {
            strategy: RebuildStrategy::default(),
            max_usage: 200,
            max_age: Duration::from_secs(30 * 60),
            max_error_rate: 0.2,
            min_requests: 10,
            min_interval: Duration::from_secs(5 * 60),
            share_percent: 25,
        }
    }
}

/// What a policy looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wear {
    pub(crate) uses: u64,
    pub(crate) age: Duration,
    /// How old this session may get.
    pub(crate) age_max: Duration,
    pub(crate) requests: u32,
    pub(crate) failed: u32,
}

impl RebuildPolicy {
    /// Why a session that is worn like this is to be replaced, if so.
    pub(crate) fn reason(&self, wear: Wear) -> Option<RebuildReason> {
        if wear.age < self.min_interval {
            return None;
        }
        let usage = (wear.uses >= self.max_usage).then_some(RebuildReason::Usage);
        let age = (wear.age >= wear.age_max).then_some(RebuildReason::Age);
        let failed = f64::from(wear.failed) > self.max_error_rate * f64::from(wear.requests);
        let errors =
            (wear.requests >= self.min_requests && failed).then_some(RebuildReason::Errors);
        match self.strategy {
            RebuildStrategy::Never => None,
            RebuildStrategy::Usage => usage,
            RebuildStrategy::Age => age,
            RebuildStrategy::Error => errors,
            RebuildStrategy::All => usage.and(age).and(errors),
            RebuildStrategy::Any => usage.or(age).or(errors),
        }
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        problems.require_positive("rebuild.max_usage", self.max_usage);
        problems.require_time("rebuild.max_age", self.max_age);
        let interval = format_args!("{:?}", self.min_interval);
        let holds = self.min_interval <= TIME_MAX;
        problems.require(holds, "rebuild.min_interval", interval, "0s to 7 days");
        let holds = (0.0..=1.0).contains(&self.max_error_rate);
        problems.require(holds, "rebuild.max_error_rate", self.max_error_rate, "0.0 to 1.0");
        problems.require_positive("rebuild.min_requests", self.min_requests.into());
        let holds = (1..=100).contains(&self.share_percent);
        problems.require(holds, "rebuild.share_percent", self.share_percent, "1 to 100");
    }

    /// How many of `connections_max` sessions may be replaced at a time.
    pub(crate) fn at_a_time(&self, connections_max: usize) -> usize {
        let percent = usize::try_from(self.share_percent).unwrap_or(100);
        (connections_max * percent / 100).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A session at all of its limits.
    fn worn() -> Wear {
        Wear { uses: 200, age: 31 * MINUTE, age_max: 30 * MINUTE, requests: 10, failed: 3 }
    }

    fn reason(strategy: RebuildStrategy, wear: Wear) -> Option<RebuildReason> {
        RebuildPolicy { strategy, ..RebuildPolicy::default() }.reason(wear)
    }

    #[test]
    fn each_strategy_looks_at_its_own_limit() {
        use RebuildStrategy::{Age, All, Any, Error, Never, Usage};
        let used = Wear { age: 6 * MINUTE, failed: 0, ..worn() };
        let old = Wear { uses: 1, failed: 0, ..worn() };
        let failing = Wear { uses: 1, age: 6 * MINUTE, ..worn() };
        let one_each = |wear| [Usage, Age, Error, Any, All, Never].map(|s| reason(s, wear));
        let (by_use, by_age, by_errors) =
            (Some(RebuildReason::Usage), Some(RebuildReason::Age), Some(RebuildReason::Errors));
        assert_eq!(one_each(used), [by_use, None, None, by_use, None, None]);
        assert_eq!(one_each(old), [None, by_age, None, by_age, None, None]);
        assert_eq!(one_each(failing), [None, None, by_errors, by_errors, None, None]);
        assert_eq!(one_each(worn()), [by_use, by_age, by_errors, by_use, by_errors, None]);
    }

    #[test]
    fn limits_are_exact() {
        let any = |wear| reason(RebuildStrategy::Any, wear);
        let good = Wear { uses: 199, age: 29 * MINUTE, requests: 10, failed: 2, ..worn() };
        assert_eq!(any(good), None, "a fifth of ten may fail");
        assert_eq!(any(Wear { uses: 200, ..good }), Some(RebuildReason::Usage));
        assert_eq!(any(Wear { age: 30 * MINUTE, ..good }), Some(RebuildReason::Age));
        assert_eq!(any(Wear { requests: 9, failed: 9, ..good }), None, "too few to judge");
        let young = Wear { age: 5 * MINUTE - Duration::from_millis(1), ..worn() };
        assert_eq!(any(young), None, "younger than the least interval");
    }

    #[test]
    fn a_share_is_at_least_one_session() {
        let policy = RebuildPolicy::default();
        assert_eq!([1, 2, 4, 7, 8, 100].map(|max| policy.at_a_time(max)), [1, 1, 1, 1, 2, 25]);
    }
}
