use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// What a router counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: Arc<AtomicUsize>,
    sessions: Arc<AtomicUsize>,
    logins: AtomicU64,
    commands: AtomicU64,
    stalls: AtomicU64,
    /// Makes "is there room" and "take it" one step.
    admission: Mutex<()>,
}

/// Something open, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<AtomicUsize>);

impl Open {
    fn count(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(counter))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Counters {
    pub(crate) fn connection(&self) -> Open {
        Open::count(&self.connections)
    }

    /// One session more, unless so many are open already.
    pub(crate) fn session(&self, sessions_max: usize) -> Option<Open> {
        let _admitting = self.admission.lock();
        (self.sessions_open() < sessions_max).then(|| Open::count(&self.sessions))
    }

    pub(crate) fn login(&self) {
        self.logins.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn command(&self) {
        self.commands.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn stall(&self) {
        self.stalls.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn stalls_total(&self) -> u64 {
        self.stalls.load(Ordering::Acquire)
    }

    pub(crate) fn connections_open(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    pub(crate) fn sessions_open(&self) -> usize {
        self.sessions.load(Ordering::Acquire)
    }

    pub(crate) fn logins_total(&self) -> u64 {
        self.logins.load(Ordering::Acquire)
    }

    pub(crate) fn commands_total(&self) -> u64 {
        self.commands.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_admitted_up_to_the_limit_and_come_back() {
        let counters = Counters::default();
        let first = counters.session(2).expect("room");
        let _second = counters.session(2).expect("room");
        assert!(counters.session(2).is_none());
        drop(first);
        assert_eq!(counters.sessions_open(), 1);
        assert!(counters.session(2).is_some());
    }
}
