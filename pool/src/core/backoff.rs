use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Pauses are stretched and shrunk by up to this many percent, so that the pools of a site that
/// came back from a power cut do not log in in step.
const JITTER_PERCENT: u64 = 25;

/// `first`, doubled for each failure after the first.
pub(super) fn doubled(first: Duration, failures: u32) -> Duration {
    // 2^16 times the shortest pause is beyond every limit.
    first.saturating_mul(2_u32.pow(failures.saturating_sub(1).min(16)))
}

/// A source of small differences. It need not be unpredictable, only unlike that of others.
#[derive(Debug, Default)]
pub(super) struct Jitter {
    seed: RandomState,
    drawn: u64,
}

impl Jitter {
    /// The pause, stretched or shrunk a little.
    pub(super) fn apply(&mut self, pause: Duration) -> Duration {
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
    fn pauses_double_and_do_not_overflow() {
        let millis = |failures| doubled(Duration::from_millis(100), failures).as_millis();
        assert_eq!([0, 1, 2, 3, 7].map(millis), [100, 100, 200, 400, 6400]);
        assert_eq!(millis(u32::MAX), 100 << 16);
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
