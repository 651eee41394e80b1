//! Where the objects of sessions are freed that did not end in good order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::blocking::on_thread;

/// Threads that free what is dead. Freeing takes microseconds, unless the peer has filled the
/// socket before.
const BURIALS_MAX: usize = 4;

/// What waits to be freed: never more than there are sessions.
#[derive(Debug, Default)]
pub(crate) struct Graves(Mutex<Open>);

#[derive(Default)]
struct Open {
    corpses: VecDeque<Box<dyn Send>>,
    diggers: usize,
}

impl Graves {
    /// Frees `corpse` on a thread of `runtime`, without a permit: the dead must not queue behind
    /// the living, nor the living behind the dead. Never waits.
    pub(crate) fn bury(self: &Arc<Self>, runtime: &Handle, corpse: impl Send + 'static) {
        let mut open = self.0.lock();
        open.corpses.push_back(Box::new(corpse));
        if open.diggers < BURIALS_MAX {
            open.diggers += 1;
            drop(open);
            let digger = Digger(self.clone());
            drop(on_thread(runtime, move || drop(digger)));
        }
    }
}

/// Frees what waits to be freed when it is dropped: by the thread it was given to, or on the spot
/// when the runtime has no threads any more and drops its work.
struct Digger(Arc<Graves>);

impl Drop for Digger {
    fn drop(&mut self) {
        loop {
            let mut open = self.0.0.lock();
            let Some(corpse) = open.corpses.pop_front() else {
                open.diggers -= 1;
                return;
            };
            // Not under the lock: this is what takes its time.
            drop(open);
            drop(corpse);
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("corpses", &self.corpses.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Corpse(Arc<AtomicUsize>);

    impl Drop for Corpse {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn everything_is_buried_by_a_few_threads_also_after_the_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        let graves = Arc::<Graves>::default();
        let buried = Arc::new(AtomicUsize::new(0));
        for _ in 0..1000 {
            graves.bury(&handle, Corpse(buried.clone()));
            assert!(graves.0.lock().diggers <= BURIALS_MAX);
        }
        drop(runtime);
        graves.bury(&handle, Corpse(buried.clone()));
        assert_eq!(buried.load(Ordering::Relaxed), 1001);
        assert_eq!(graves.0.lock().diggers, 0);
    }
}
