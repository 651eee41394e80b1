//! Whether a router keeps up with its lines, and what would fit: pure arithmetic over a window.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time over which a router is judged.
const WINDOW_MIN: Duration = Duration::from_secs(60);
/// The longest: an hour of skipped checks is a shortage, whatever the interval.
const WINDOW_MAX: Duration = Duration::from_secs(3600);

/// A router does not keep up: what its lines need, and what would fit. `Display` says both.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shortage {
    /// Checks take more time than its sessions have.
    Sessions {
        /// Time with a session that one round of its lines needs, as long as checks take now.
        needed: Duration,
        /// Time with a session that there is for a round: sessions times `per`.
        available: Duration,
        /// How long a round is: the mean interval of the lines, each by how often it is due.
        per: Duration,
        /// As many sessions as would do, at the least.
        sessions: usize,
        /// As many times longer intervals would do, at the least.
        interval_factor: f64,
    },
    /// More checks are due than may begin.
    Pace {
        /// Checks that are due in a minute.
        needed: f64,
        /// Checks that may begin in a minute.
        allowed: u32,
    },
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Sessions { needed, available, per, sessions, interval_factor } => write!(
                f,
                "it needs {:.0} s of session time every {:.0} s and has {:.0} s; what would fit: \
                 {sessions} sessions, intervals {interval_factor:.1} times as long, or that many \
                 times fewer packets",
                needed.as_secs_f64(),
                per.as_secs_f64(),
                available.as_secs_f64(),
            ),
            Self::Pace { needed, allowed } => write!(
                f,
                "{needed:.1} checks are due in a minute and {allowed} may begin; what would fit: \
                 checks.per_minute_max {:.0}, or intervals {:.1} times as long",
                needed.ceil(),
                needed / f64::from(allowed),
            ),
        }
    }
}

/// What a router may be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supply {
    pub(crate) sessions: usize,
    pub(crate) per_minute_max: Option<u32>,
}

/// What a router was asked for and did since the window began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    began: Instant,
    /// Not before this is there anything to judge.
    over_at: Instant,
    /// How long checks held a place, and how many they were.
    busy: Duration,
    checks: u32,
    overrun: u32,
    shortage: Option<Shortage>,
}

/// What a window has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// As before.
    Same,
    /// The router does not keep up, which it did before.
    Short(Shortage),
    /// It keeps up again.
    Enough,
}

/// What the lines of a router ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub(crate) lines: u32,
    pub(crate) checks_per_second: f64,
    pub(crate) interval_max: Duration,
}

impl Demand {
    pub(crate) fn of(intervals: impl Iterator<Item = Duration>) -> Self {
        let none = Self { lines: 0, checks_per_second: 0.0, interval_max: Duration::ZERO };
        intervals.fold(none, |demand, interval| Self {
            lines: demand.lines.saturating_add(1),
            checks_per_second: demand.checks_per_second + interval.as_secs_f64().recip(),
            interval_max: demand.interval_max.max(interval),
        })
    }
}

impl Capacity {
    pub(crate) fn new(now: Instant) -> Self {
        let over_at = now + WINDOW_MIN;
        Self { began: now, over_at, busy: Duration::ZERO, checks: 0, overrun: 0, shortage: None }
    }

    /// Counts a check that held a place for so long.
    pub(crate) fn checked(&mut self, took: Duration) {
        self.busy += took;
        self.checks = self.checks.saturating_add(1);
    }

    /// Counts a due time that was skipped because the router had not kept up.
    pub(crate) fn overrun(&mut self) {
        self.overrun = self.overrun.saturating_add(1);
    }

    /// By how much the router is known not to keep up, if it is.
    pub(crate) fn shortage(&self) -> Option<Shortage> {
        self.shortage
    }

    /// Whether there may be something to judge.
    pub(crate) fn may_be_over(&self, now: Instant) -> bool {
        now >= self.over_at
    }

    /// Judges the window if it is over, and begins the next one. A router is short when it has
    /// skipped checks and has less than its lines need; it keeps up again when nothing was skipped
    /// over a whole window.
    pub(crate) fn judge(&mut self, now: Instant, demand: Demand, supply: Supply) -> Verdict {
        let window = demand.interval_max.clamp(WINDOW_MIN, WINDOW_MAX);
        self.over_at = self.began + window;
        if now < self.over_at {
            return Verdict::Same;
        }
        let found = self.found(demand, supply);
        let was_short = self.shortage.is_some();
        // Checks that were skipped for another reason do not end a shortage.
        let shortage = if self.overrun == 0 { None } else { found.or(self.shortage) };
        *self = Self { shortage, ..Self::new(now) };
        match (was_short, shortage) {
            (false, Some(shortage)) => Verdict::Short(shortage),
            (true, None) => Verdict::Enough,
            _ => Verdict::Same,
        }
    }

    fn found(&self, demand: Demand, supply: Supply) -> Option<Shortage> {
        if self.overrun == 0 || demand.checks_per_second <= 0.0 {
            return None;
        }
        let needed = demand.checks_per_second * 60.0;
        match supply.per_minute_max {
            Some(allowed) if needed > f64::from(allowed) => {
                Some(Shortage::Pace { needed, allowed })
            }
            _ => self.found_sessions(demand, supply.sessions),
        }
    }

    fn found_sessions(&self, demand: Demand, sessions: usize) -> Option<Shortage> {
        if self.checks == 0 {
            return None;
        }
        let took = self.busy.as_secs_f64() / f64::from(self.checks);
        let needed = demand.checks_per_second * took;
        #[expect(clippy::cast_precision_loss, reason = "a router has at most 100 sessions")]
        let available = sessions.max(1) as f64;
        if needed <= available {
            return None;
        }
        let per = f64::from(demand.lines) / demand.checks_per_second;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is positive, and a float that is too large becomes the largest integer"
        )]
        let enough = needed.ceil() as usize;
        Some(Shortage::Sessions {
            needed: Duration::try_from_secs_f64(needed * per).unwrap_or(Duration::MAX),
            available: Duration::try_from_secs_f64(available * per).unwrap_or(Duration::MAX),
            per: Duration::try_from_secs_f64(per).unwrap_or(Duration::MAX),
            sessions: enough,
            interval_factor: needed / available,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// 200 lines every three minutes.
    fn demand() -> Demand {
        Demand::of((0..200).map(|_| SECOND * 180))
    }

    /// A window in which so many checks took ten seconds each.
    fn window(capacity: &mut Capacity, now: Instant, checks: u32, overrun: u32) -> Verdict {
        (0..checks).for_each(|_| capacity.checked(SECOND * 10));
        (0..overrun).for_each(|_| capacity.overrun());
        capacity.judge(now, demand(), Supply { sessions: 2, per_minute_max: None })
    }

    #[test]
    fn a_shortage_says_what_is_needed_and_what_would_fit() {
        let began = Instant::now();
        let mut capacity = Capacity::new(began);
        let verdict = window(&mut capacity, began + SECOND * 180, 36, 164);
        let Verdict::Short(shortage) = verdict else { panic!("{verdict:?}") };
        assert_eq!(
            shortage.to_string(),
            "it needs 2000 s of session time every 180 s and has 360 s; what would fit: 12 \
             sessions, intervals 5.6 times as long, or that many times fewer packets"
        );
    }

    #[test]
    fn a_limit_on_checks_that_is_too_low_is_named() {
        let began = Instant::now();
        let mut capacity = Capacity::new(began);
        capacity.overrun();
        let supply = Supply { sessions: 2, per_minute_max: Some(50) };
        let verdict = capacity.judge(began + SECOND * 180, demand(), supply);
        let Verdict::Short(shortage) = verdict else { panic!("{verdict:?}") };
        assert_eq!(
            shortage.to_string(),
            "66.7 checks are due in a minute and 50 may begin; what would fit: \
             checks.per_minute_max 67, or intervals 1.3 times as long"
        );
    }

    #[test]
    fn a_shortage_is_told_once_and_ends_when_a_window_passes_without_a_skip() {
        let began = Instant::now();
        let mut capacity = Capacity::new(began);
        let at = |window: u32| began + SECOND * 180 * window;
        assert!(matches!(window(&mut capacity, at(1), 36, 164), Verdict::Short(_)));
        assert_eq!(window(&mut capacity, at(2), 36, 164), Verdict::Same);
        assert!(capacity.shortage().is_some());
        assert_eq!(window(&mut capacity, at(3), 20, 0), Verdict::Enough);
        assert_eq!(window(&mut capacity, at(4), 20, 0), Verdict::Same);
    }

    #[test]
    fn skips_without_need_and_need_without_skips_are_no_shortage() {
        let began = Instant::now();
        let mut capacity = Capacity::new(began);
        assert_eq!(window(&mut capacity, began + SECOND * 180, 36, 0), Verdict::Same);
        let mut capacity = Capacity::new(began);
        (0..36).for_each(|_| capacity.checked(SECOND));
        assert_eq!(window(&mut capacity, began + SECOND * 180, 0, 9), Verdict::Same);
        assert!(capacity.shortage().is_none());
    }
}
