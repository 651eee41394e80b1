use std::sync::Arc;

use parking_lot::Mutex;
use pool_core::Phase;

/// The phase that the work on a session has come to. Whoever works sets it; whoever waits can read
/// it meanwhile, also when the work does not come back.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Mutex<Phase>>);

impl Progress {
    pub(crate) fn new(phase: Phase) -> Self {
        Self(Arc::new(Mutex::new(phase)))
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.0.lock()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        *self.0.lock() = phase;
    }
}
