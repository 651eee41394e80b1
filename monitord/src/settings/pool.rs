//! How sessions are kept, tested, replaced and given up: the same for every router.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use ::pool::{LendOrder, PoolOptions, RebuildStrategy};
use pool_core::{ConfigProblem, Error};

use super::section::Section;
use super::value::{duration_within, integer, one_of, ratio};

/// What a time may be. Below it nothing can be told apart from at once; beyond it a time is more
/// likely a mistake of units.
const TIMES: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(7 * 24 * 3600);
/// The most failures in a row that can be waited for. A gate that shuts later never does.
const FAILURES_MAX: u32 = 1000;
/// The most uses or requests that can be counted to.
const COUNT_MAX: u32 = 1_000_000_000;

/// The names of the rebuild strategies.
const STRATEGIES: &[(&str, RebuildStrategy)] = &[
    ("never", RebuildStrategy::Never),
    ("usage", RebuildStrategy::Usage),
    ("age", RebuildStrategy::Age),
    ("error", RebuildStrategy::Error),
    ("all", RebuildStrategy::All),
    ("any", RebuildStrategy::Any),
];

/// The names of the orders in which idle sessions are lent.
const ORDERS: &[(&str, LendOrder)] =
    &[("latest", LendOrder::Latest), ("longest_idle", LendOrder::LongestIdle)];

/// Reads the section `pool`. What is absent stays as the pool's own default.
pub(super) fn read(section: &mut Section<'_>) -> PoolOptions {
    let mut options = PoolOptions::default();
    let times = [
        ("idle_max", &mut options.idle_max),
        ("check_when_idle_for", &mut options.check_when_idle_for),
        ("keepalive_after", &mut options.keepalive_after),
        ("leak_after", &mut options.leak_after),
        ("close_timeout", &mut options.close_timeout),
        ("backoff_first", &mut options.backoff_first),
        ("backoff_max", &mut options.backoff_max),
        ("gate_shut_max", &mut options.gate_shut_max),
        ("gate_permanent_first", &mut options.gate_permanent_first),
        ("gate_permanent_max", &mut options.gate_permanent_max),
    ];
    for (key, time) in times {
        set(time, section.get(key, duration_within(TIMES)));
    }
    let counts = [
        ("degraded_after", &mut options.degraded_after),
        ("unhealthy_after", &mut options.unhealthy_after),
        ("gate_failures", &mut options.gate_failures),
    ];
    for (key, count) in counts {
        set(count, section.get(key, integer(1..=FAILURES_MAX)));
    }
    set(&mut options.lend, section.get("lend", one_of(ORDERS)));
    section.section("rebuild", |rebuild| read_rebuild(rebuild, &mut options));
    complain(section, &options, "");
    options
}

fn read_rebuild(section: &mut Section<'_>, options: &mut PoolOptions) {
    let policy = &mut options.rebuild;
    set(&mut policy.strategy, section.get("strategy", one_of(STRATEGIES)));
    set(&mut policy.max_usage, section.get("max_usage", integer(1..=u64::from(COUNT_MAX))));
    set(&mut policy.max_age, section.get("max_age", duration_within(TIMES)));
    set(&mut policy.max_error_rate, section.get("max_error_rate", ratio));
    set(&mut policy.min_requests, section.get("min_requests", integer(1..=COUNT_MAX)));
    let interval = duration_within(Duration::ZERO..=*TIMES.end());
    set(&mut policy.min_interval, section.get("min_interval", interval));
    set(&mut policy.share_percent, section.get("share_percent", integer(1..=100)));
    complain(section, options, REBUILD);
}

/// Before the names of the fields that stand in a section of their own.
const REBUILD: &str = "rebuild.";

/// Notes what does not go together. The pool knows that itself; one of two keys that contradict
/// each other may have been left to its default, and is blamed all the same.
fn complain(section: &Section<'_>, options: &PoolOptions, prefix: &str) {
    let Err(Error::InvalidConfig(problems)) = options.validate() else { return };
    for ConfigProblem { key, value, allowed } in problems {
        let Some(key) = key.strip_prefix(prefix).filter(|key| !key.contains('.')) else { continue };
        section.complain(key, format!("is {value}: allowed is {allowed}"));
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Options as an operator writes them.
#[derive(Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a PoolOptions);

impl Shown<'_> {
    /// Each key below `pool`, with its value.
    pub(super) fn rows(&self) -> [(&'static str, String); 21] {
        let Self(options) = self;
        let policy = &options.rebuild;
        let time = |time: Duration| humantime::format_duration(time).to_string();
        [
            ("idle_max", time(options.idle_max)),
            ("check_when_idle_for", time(options.check_when_idle_for)),
            ("keepalive_after", time(options.keepalive_after)),
            ("degraded_after", options.degraded_after.to_string()),
            ("unhealthy_after", options.unhealthy_after.to_string()),
            ("leak_after", time(options.leak_after)),
            ("close_timeout", time(options.close_timeout)),
            ("backoff_first", time(options.backoff_first)),
            ("backoff_max", time(options.backoff_max)),
            ("gate_failures", options.gate_failures.to_string()),
            ("gate_shut_max", time(options.gate_shut_max)),
            ("gate_permanent_first", time(options.gate_permanent_first)),
            ("gate_permanent_max", time(options.gate_permanent_max)),
            ("lend", options.lend.as_str().to_owned()),
            ("rebuild.strategy", policy.strategy.as_str().to_owned()),
            ("rebuild.max_usage", policy.max_usage.to_string()),
            ("rebuild.max_age", time(policy.max_age)),
            ("rebuild.max_error_rate", policy.max_error_rate.to_string()),
            ("rebuild.min_requests", policy.min_requests.to_string()),
            ("rebuild.min_interval", time(policy.min_interval)),
            ("rebuild.share_percent", policy.share_percent.to_string()),
        ]
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.rows().map(|(key, value)| format!("{key} {value}"));
        f.write_str(&texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_and_orders_are_named_as_the_type_prints_them() {
        assert!(STRATEGIES.iter().all(|(name, strategy)| *name == strategy.as_str()));
        assert!(ORDERS.iter().all(|(name, order)| *name == order.as_str()));
    }
}
