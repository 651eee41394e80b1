use std::time::Duration;

use tokio::time::Instant;

use crate::CheckRules;

/// When the next check of a router may begin, by the limit on how many may in a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between the beginnings of two checks, at the least.
    gap: Duration,
    /// When the latest check began, while there is a limit.
    began: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(rules: &CheckRules) -> Self {
        Self { gap: gap(rules), began: None }
    }

    /// Goes by other rules from now on, for the check that comes next as well.
    pub(crate) fn change(&mut self, rules: &CheckRules) {
        self.gap = gap(rules);
    }

    /// Notes that a check begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began = (!self.gap.is_zero()).then_some(now);
    }

    /// When the next one may begin, if that is not yet.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        self.began.map(|began| began + self.gap).filter(|at| *at > now)
    }
}

fn gap(rules: &CheckRules) -> Duration {
    rules.per_minute_max.map_or(Duration::ZERO, |max| Duration::from_secs(60) / max.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(per_minute_max: u32) -> CheckRules {
        CheckRules { per_minute_max: Some(per_minute_max), ..CheckRules::default() }
    }

    #[test]
    fn checks_begin_evenly_spread_and_a_new_limit_holds_at_once() {
        let now = Instant::now();
        let mut pace = Pace::new(&rules(30));
        assert_eq!(pace.wait(now), None);
        pace.begin(now);
        assert_eq!(pace.wait(now), Some(now + Duration::from_secs(2)));
        assert_eq!(pace.wait(now + Duration::from_secs(2)), None);
        pace.change(&rules(6));
        assert_eq!(pace.wait(now), Some(now + Duration::from_secs(10)));
        pace.change(&CheckRules::default());
        assert_eq!(pace.wait(now), None);
    }
}
