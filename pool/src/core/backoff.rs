use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Times are stretched and shrunk by up to this many percent, so that the pools of a site that
/// came back from a power cut do not log in in step.
const JITTER_PERCENT: u8 = 25;

/// `first`, doubled for each failure after the first.
pub(super) fn doubled(first: Duration, failures: u32) -> Duration {
    // 2^16 times the shortest pause is beyond every limit.
    first.saturating_mul(2_u32.pow(failures.saturating_sub(1).min(16)))
}

/// The pause, stretched or shrunk a little.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause * u32::from(jitter_percent()) / 100
}

/// How long a time becomes that is stretched or shrunk a little, in percent.
pub(super) fn jitter_percent() -> u8 {
    let spread = 2 * u64::from(JITTER_PERCENT) + 1;
    // It need not be unpredictable, only unlike the others: every `RandomState` is.
    let drawn = RandomState::new().hash_one(()) % spread;
    100 - JITTER_PERCENT + u8::try_from(drawn).expect("less than the spread")
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
        let pauses: Vec<_> =
            (0..100).map(|_| jittered(Duration::from_secs(1)).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (750..=1250).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|&pause| pause != pauses[0]));
    }
}
