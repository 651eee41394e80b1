//! When checks are due: pure arithmetic on a grid of wall-clock times.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{Interval, Line, LineId};

/// How far the wall clock may be from where it should be by the monotonic clock before it counts
/// as having jumped. Slewing moves both; steps and the sleep of the machine are longer than this.
const JUMP_MIN: Duration = Duration::from_secs(1);

/// The wall clock.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's.
    pub(crate) fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// One that reads `now`.
    pub(crate) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// One due time, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// What is waited for.
    pub(crate) instant: Instant,
    /// What is reported.
    pub(crate) wall: Timestamp,
}

/// The grid of a line's due times: every interval since 1970, shifted by the line's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    phase_ns: i128,
    interval_ns: i128,
}

impl Rhythm {
    /// The rhythm of a line.
    pub(crate) fn of(line: &Line) -> Self {
        let phase = phase(&line.id, line.interval);
        let interval = line.interval.as_duration();
        Self { phase_ns: nanoseconds(phase), interval_ns: nanoseconds(interval) }
    }

    /// The first time on the grid that is after `ns`.
    fn after(self, ns: i128) -> i128 {
        ns + self.interval_ns - (ns - self.phase_ns).rem_euclid(self.interval_ns)
    }
}

/// One moment on both clocks, by which times on one are translated to the other.
///
/// Waiting goes by the monotonic clock, so a step of the wall clock neither delays a check nor
/// makes it come twice; the wall clock only says where the grid lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    instant: Instant,
    wall: Timestamp,
}

impl Anchor {
    /// This moment.
    pub(crate) fn now(clock: &Clock) -> Self {
        Self { instant: Instant::now(), wall: clock.now() }
    }

    /// The first due time that is not before `instant`.
    pub(crate) fn from(self, rhythm: Rhythm, instant: Instant) -> Due {
        self.due(rhythm.after(self.wall_ns(instant) - 1))
    }

    /// The first due time after `instant`.
    pub(crate) fn after(self, rhythm: Rhythm, instant: Instant) -> Due {
        self.due(rhythm.after(self.wall_ns(instant)))
    }

    /// This anchor's own moment as a due time, for what is not on a grid.
    pub(crate) fn as_due(self) -> Due {
        Due { instant: self.instant, wall: self.wall }
    }

    /// An anchor at the present, if the wall clock has jumped since this one.
    pub(crate) fn jumped(self, clock: &Clock) -> Option<Self> {
        let fresh = Self::now(clock);
        let off = (fresh.wall.as_nanosecond() - self.wall_ns(fresh.instant)).unsigned_abs();
        (off > JUMP_MIN.as_nanos()).then_some(fresh)
    }

    fn wall_ns(self, instant: Instant) -> i128 {
        let wall = self.wall.as_nanosecond();
        match instant.checked_duration_since(self.instant) {
            Some(later) => wall + nanoseconds(later),
            None => wall - nanoseconds(self.instant - instant),
        }
    }

    fn due(self, wall_ns: i128) -> Due {
        let ahead = wall_ns - self.wall.as_nanosecond();
        let distance = Duration::from_nanos(u64::try_from(ahead.abs()).unwrap_or(u64::MAX));
        let instant = if ahead < 0 { self.instant - distance } else { self.instant + distance };
        // Fails only beyond the year 9999, where the clock is wrong anyway.
        Due { instant, wall: Timestamp::from_nanosecond(wall_ns).unwrap_or(self.wall) }
    }
}

impl Line {
    /// When the line is due next after `at`, by its rhythm alone: the same on every machine and
    /// after every restart. A router that does not keep up comes to it later.
    pub fn next_due(&self, at: Timestamp) -> Timestamp {
        let due = Rhythm::of(self).after(at.as_nanosecond());
        // Fails only beyond the year 9999, where the clock is wrong anyway.
        Timestamp::from_nanosecond(due).unwrap_or(at)
    }
}

/// Where in its interval a line is due: the same after a restart and on every machine, and spread
/// evenly over lines, so that those of one interval do not fire together. Whole milliseconds.
pub(crate) fn phase(id: &LineId, interval: Interval) -> Duration {
    let interval_ms = u64::try_from(interval.as_duration().as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(spread(fnv_1a(id.as_str().as_bytes())) % interval_ms)
}

/// FNV-1a, 64 bits. Written out here, because the phase must not change with a library.
fn fnv_1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The last step of MurmurHash3: lets every bit of a hash depend on every other. FNV-1a alone
/// leaves names that differ in their last character close together.
fn spread(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rhythm(phase: Duration, interval: Duration) -> Rhythm {
        Rhythm { phase_ns: nanoseconds(phase), interval_ns: nanoseconds(interval) }
    }

    fn anchor(wall_ms: i64) -> Anchor {
        Anchor {
            instant: Instant::now() + MINUTE * 60,
            wall: Timestamp::from_millisecond(wall_ms).unwrap(),
        }
    }

    #[test]
    fn the_phase_of_a_line_never_changes() {
        let phase_ms = |id| phase(&LineId::new(id).unwrap(), Interval::DEFAULT).as_millis();
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(
            [phase_ms("L0001"), phase_ms("L0002"), phase_ms("edge-1")],
            [149_385, 155, 11_557]
        );
    }

    #[test]
    fn phases_are_spread_over_the_interval() {
        let mut tenths = [0_u32; 10];
        for number in 0..1000 {
            let id = LineId::new(format!("L{number:04}")).unwrap();
            let tenth = phase(&id, Interval::DEFAULT).as_secs() / 18;
            tenths[usize::try_from(tenth).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (70..=130).contains(count)), "{tenths:?}");
    }

    #[test]
    fn the_first_check_comes_within_one_interval() {
        for wall_ms in [0, 1, 59_999, 60_000, 1_700_000_012_345, -5] {
            let anchor = anchor(wall_ms);
            for phase_ms in [0, 1, 12_345, 59_999] {
                let due =
                    anchor.from(rhythm(Duration::from_millis(phase_ms), MINUTE), anchor.instant);
                let wait = due.instant - anchor.instant;
                assert!(wait < MINUTE, "{wall_ms} {phase_ms}: {wait:?}");
                let on_grid = due.wall.as_millisecond().rem_euclid(60_000);
                assert_eq!(on_grid, i64::try_from(phase_ms).unwrap());
            }
        }
    }

    #[test]
    fn due_times_do_not_drift() {
        let anchor = anchor(1_700_000_000_123);
        let rhythm = rhythm(Duration::from_millis(777), MINUTE);
        let first = anchor.from(rhythm, anchor.instant);
        let mut due = first;
        for _ in 0..1440 {
            due = anchor.after(rhythm, due.instant);
        }
        assert_eq!(due.instant - first.instant, MINUTE * 1440);
        assert_eq!(due.wall.duration_since(first.wall).as_secs(), 86_400);
        let late = due.instant + Duration::from_secs(45);
        assert_eq!(anchor.after(rhythm, late).instant, due.instant + MINUTE);
    }
}
