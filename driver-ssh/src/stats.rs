//! What logins took, and why they failed.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use pool_core::{Error, ErrorKind, Phase, PhaseSpan};

/// Bounds of the histograms: from a peer on the same site to the longest timeouts.
const BOUNDS: [Duration; 12] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What all sessions that share [`SshSettings`](crate::SshSettings) have come to so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SshStats {
    /// Threads apart that work on sessions at this moment.
    pub threads_in_use: usize,
    /// Threads apart that may work on sessions at once.
    pub threads_max: usize,
    /// Stretches of work that wait for a thread at this moment.
    pub threads_waiting: usize,
    /// Stretches of work that waited for a thread until their time was over.
    pub threads_cut: u64,
    /// Stretches of work on the runtime's own threads that were cut off after a few milliseconds,
    /// to go on on a thread apart, because the peer sent without a pause.
    pub stretches_cut_off: u64,
    /// How long each phase took that was gone through: those of a login, which are twice as many
    /// behind a jump host, and the opening of channels.
    pub phases: BTreeMap<Phase, PhaseHistogram>,
    /// Logins that failed, by the kind of error and the phase, if it has one.
    pub failures: BTreeMap<(ErrorKind, Option<Phase>), u64>,
}

/// How long something took, each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhaseHistogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl PhaseHistogram {
    /// How often, within each bound and beyond the one before; the last is what took longer than
    /// any bound, and has none.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        bounds.zip(self.counts)
    }

    /// How often in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long in all.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    fn note(&mut self, elapsed: Duration) {
        let bucket = BOUNDS.iter().position(|bound| elapsed <= *bound);
        self.counts[bucket.unwrap_or(BOUNDS.len())] += 1;
        self.sum += elapsed;
    }
}

/// Where it is counted. Bounded: there are so many phases and kinds of errors, and no more.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    phases: BTreeMap<Phase, PhaseHistogram>,
    failures: BTreeMap<(ErrorKind, Option<Phase>), u64>,
}

impl Tally {
    /// Counts a login. The phase in which one failed is not gone through, and not timed.
    pub(crate) fn login(&self, spans: &[PhaseSpan], error: Option<&Error>) {
        let mut counts = self.0.lock();
        let mut done = spans;
        if let Some(error) = error {
            *counts.failures.entry((error.kind(), error.phase())).or_default() += 1;
            done = done.split_last().map_or(done, |(_, done)| done);
        }
        for span in done {
            counts.phases.entry(span.phase).or_default().note(span.elapsed);
        }
    }

    /// Counts one phase that was gone through after the login.
    pub(crate) fn phase(&self, phase: Phase, elapsed: Duration) {
        self.0.lock().phases.entry(phase).or_default().note(elapsed);
    }

    pub(crate) fn phases(&self) -> BTreeMap<Phase, PhaseHistogram> {
        self.0.lock().phases.clone()
    }

    pub(crate) fn failures(&self) -> BTreeMap<(ErrorKind, Option<Phase>), u64> {
        self.0.lock().failures.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(phase: Phase, millis: u64) -> PhaseSpan {
        PhaseSpan { phase, elapsed: Duration::from_millis(millis) }
    }

    #[test]
    fn a_bound_is_within_its_bucket_and_the_longest_has_none() {
        let mut histogram = PhaseHistogram::default();
        for millis in [1, 2, 30_000, 30_001] {
            histogram.note(Duration::from_millis(millis));
        }
        let buckets: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        let bound = |millis| Some(Duration::from_millis(millis));
        assert_eq!(buckets, [(bound(1), 1), (bound(5), 1), (bound(30_000), 1), (None, 1)]);
        assert_eq!((histogram.count(), histogram.sum().as_millis()), (4, 60_004));
    }

    #[test]
    fn the_phase_of_a_failure_is_counted_and_not_timed() {
        let tally = Tally::default();
        let spans = [span(Phase::Connect, 3), span(Phase::Banner, 400)];
        tally.login(&spans, None);
        let error = Error::Cancelled { phase: Phase::Banner };
        tally.login(&spans, Some(&error));
        let counts: Vec<_> =
            tally.phases().iter().map(|(phase, times)| (*phase, times.count())).collect();
        assert_eq!(counts, [(Phase::Connect, 2), (Phase::Banner, 1)]);
        let failures: Vec<_> = tally.failures().into_iter().collect();
        assert_eq!(failures, [((ErrorKind::Cancelled, Some(Phase::Banner)), 1)]);
    }
}
