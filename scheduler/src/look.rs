use std::sync::Arc;
use std::time::Duration;

use crate::check::{MARGIN, Site};
use crate::due::Due;
use crate::{Interval, Line, PingParams, Task};

/// What a first look sends, and how long it waits: as little as every platform can.
const PACKETS: u32 = 1;
const TIMEOUT: Duration = Duration::from_secs(1);
/// One due time in so many is checked in full though the line is down. It bounds how long a line
/// can be taken for dead that loses most of its packets, or answers more slowly than a first look
/// waits; and 200 dead lines still fit on two sessions in three minutes.
const FULL_EVERY: i64 = 20;

/// How much of a check is done at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it.
    Full,
    /// A single packet, and all of it as soon as that is answered.
    First,
}

impl Look {
    /// That at a line which is known to be down, where the router's rules want it. Each line has
    /// due times of its own at which it is checked in full, so that they are spread over rounds.
    pub(crate) fn at_down(site: &Site, index: usize, interval: Interval, due: Due) -> Self {
        let interval_ms = i64::try_from(interval.as_duration().as_millis()).unwrap_or(i64::MAX);
        let round = due.wall.as_millisecond() / interval_ms.max(1);
        let turn = i64::try_from(index).unwrap_or_default();
        let is_full = (round.wrapping_add(turn)).rem_euclid(FULL_EVERY) == 0;
        if site.router.rules.first_look && !is_full { Self::First } else { Self::Full }
    }
}

impl Site {
    /// `line` as it is looked at first, and how long that takes at most; none where that would be
    /// no less than the check itself, where the platform does not do it, or where the interval has
    /// no time for a look and a full check after it.
    pub(crate) fn first_look(&self, line: &Line) -> Option<(Line, Duration)> {
        let platform = &self.router.connection.platform;
        let full = line.task.as_ping()?;
        let params =
            PingParams { count: PACKETS, timeout: full.timeout.min(TIMEOUT), ..full.clone() };
        if params == *full {
            return None;
        }
        let look = Line { task: Task::Ping(Arc::new(params)), ..line.clone() };
        self.tasks.request(platform, &look).ok()?;
        let takes = self.tasks.budget(platform, &look).ok()?;
        let both = takes + self.tasks.budget(platform, line).ok()? + MARGIN;
        (both <= line.interval.as_duration()).then_some((look, takes))
    }
}
