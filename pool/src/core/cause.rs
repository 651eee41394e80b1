use pool_core::{Error, Phase};
use tokio::time::Instant;

use super::Core;
use super::lane::Lane;
use super::session::Session;

impl<S, W, V> Core<S, W, V> {
    /// Why somebody who has asked at `asked` still waits at `now`, as exactly as is known.
    ///
    /// An attempt that failed meanwhile comes first. Then one that is under way: as what holds it
    /// up, or as the deadline it has not met, in the phase that it has come to. Then a failure
    /// from before, which is not outdated, for no attempt has succeeded since. With none of these,
    /// all sessions are out.
    pub(crate) fn cause(&self, lane: usize, asked: Instant, now: Instant) -> Option<Error> {
        let failing = self.lanes[lane].retry.failing();
        let failed = failing.filter(|failing| failing.at >= asked).map(|f| f.error.clone());
        failed
            .or_else(|| self.progress(lane, now))
            .or_else(|| failing.map(|failing| failing.error.clone()))
            .or_else(|| self.exhausted(now))
    }

    fn progress(&self, lane: usize, now: Instant) -> Option<Error> {
        let create = self.slots.creating().find(|create| create.lane == lane);
        if let Some(why) = create.and_then(|create| create.held_up.as_ref()) {
            return Some(why.clone());
        }
        let create = create.map(|create| {
            let phase = create.trace.as_ref().and_then(|trace| trace.current());
            (phase.unwrap_or(Phase::Connect), create.since)
        });
        let of_lane = |session: &&Session<S>| session.lane() == lane;
        let test = || self.slots.kept().filter(of_lane).find_map(Session::test);
        let (phase, since) = create.or_else(|| Some((Phase::HealthCheck, test()?.since)))?;
        Some(Error::DeadlineExceeded { phase, elapsed: now.duration_since(since), last: None })
    }

    fn exhausted(&self, now: Instant) -> Option<Error> {
        let out = || self.slots.kept().filter(|session| session.is_out());
        let (lent, closing) = (out().count(), self.slots.closing().count());
        if lent + closing == 0 {
            return None;
        }
        let max = self.limits.connections_max;
        let longest = out().map(|session| now.duration_since(session.wanted)).max();
        let longest = longest.unwrap_or_default();
        let waiting: usize = self.lanes.iter().map(Lane::len).sum();
        let message = format!(
            "of {max} sessions, {lent} are in use, the longest for {longest:.1?}, and {closing} \
             are being closed; {waiting} other callers wait"
        );
        Some(Error::Busy { phase: Phase::Acquire, message })
    }
}
