//! Chance that is the same every time.

use std::time::Duration;

use crate::testing::Behaviour;

/// Runs one seed only: the one that failed.
const SEED: &str = "MONITORD_SIM_SEED";
/// How many seeds to run, for longer runs than those of every day.
const SEEDS: &str = "MONITORD_SIM_SEEDS";

/// The seeds of a simulation: as many as are usual, or what the environment says.
pub(super) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match variable(SEED) {
        Some(seed) => seed..seed + 1,
        None => 0..variable(SEEDS).unwrap_or(usual),
    }
}

/// Says on a panic which seed it was.
#[derive(Debug)]
pub(super) struct Seed(pub(super) u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "what a failed test has to say")]
            {
                eprintln!("the seed was {0}: to run it again, set {SEED}={0}", self.0);
            }
        }
    }
}

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// The place of one of so many.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length.max(1)).unwrap())).unwrap()
    }

    pub(super) fn duration(&mut self, from: Duration, to: Duration) -> Duration {
        let span = u64::try_from((to - from).as_millis()).unwrap();
        from + Duration::from_millis(self.below(span.max(1)))
    }

    pub(super) fn behaviour(&mut self) -> Behaviour {
        match self.below(20) {
            0 => Behaviour::AnswersOther,
            1 => Behaviour::NoSession,
            2 => Behaviour::IgnoresDeadline,
            3 => Behaviour::Refuses,
            4 => Behaviour::HangsInCommand,
            5 => Behaviour::PanicsInGet,
            6 => Behaviour::PanicsInCommand,
            _ => Behaviour::Answers(Duration::from_millis(self.below(25_000))),
        }
    }
}
