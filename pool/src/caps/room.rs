use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::queue::RouterId;
use super::seat::SeatGate;
use crate::shared::Shared;

/// The limit on sessions over all pools, and those pools, to find the session that can best be
/// missed.
#[derive(Debug)]
pub(super) struct SessionCap {
    gate: Arc<SeatGate>,
    pools: Mutex<BTreeMap<RouterId, Weak<Shared>>>,
    /// Held by who makes room. Nobody ever waits for it: see `make_room`.
    busy: Mutex<()>,
    /// Somebody wants room to be made.
    asked: AtomicBool,
}

impl SessionCap {
    pub(super) fn new(max: usize) -> Self {
        Self {
            gate: SeatGate::new(max),
            pools: Mutex::default(),
            busy: Mutex::new(()),
            asked: AtomicBool::new(false),
        }
    }

    pub(super) fn gate(&self) -> &Arc<SeatGate> {
        &self.gate
    }

    pub(super) fn joined(&self, id: RouterId, pool: &Arc<Shared>) {
        self.pools.lock().insert(id, Arc::downgrade(pool));
    }

    pub(super) fn left(&self, id: RouterId) {
        self.pools.lock().remove(&id);
    }

    /// Closes idle sessions, the longest idle first, until a seat is or soon will be free for
    /// everybody who waits. What is in use is left alone.
    ///
    /// One thread at a time does this, or two would close two sessions for one who waits. Others
    /// leave a note and go; whoever is at it reads the note before and after it lets go of the
    /// lock, so that none is missed. Closing a session can end up here again, in the same thread;
    /// that is a note, too.
    pub(super) fn make_room(&self) {
        self.asked.store(true, Ordering::SeqCst);
        while self.asked.load(Ordering::SeqCst) {
            let Some(_busy) = self.busy.try_lock() else { return };
            while self.asked.swap(false, Ordering::SeqCst) {
                while self.gate.is_short() && self.next_is_wanted() && self.evict_one() {}
            }
        }
    }

    /// Sends those away who are next and whose callers have given up. False when nobody is left.
    fn next_is_wanted(&self) -> bool {
        while let Some((turn, router, slot)) = self.gate.next() {
            let pool = self.pools.lock().get(&router).and_then(Weak::upgrade);
            if pool.is_some_and(|pool| pool.core().has_caller(slot)) {
                return self.gate.is_short();
            }
            self.gate.send_away(turn);
        }
        false
    }

    /// Closes the session that has been idle for longest, if one is idle.
    fn evict_one(&self) -> bool {
        let pools: Vec<_> = self.pools.lock().values().filter_map(Weak::upgrade).collect();
        let idle = |pool: &Arc<Shared>| Some((pool.core().longest_idle()?, pool.clone()));
        let longest = pools.iter().filter_map(idle).min_by_key(|(since, _)| *since);
        let Some((_, pool)) = longest else { return false };
        let actions = pool.core().evict(Instant::now());
        pool.perform(actions);
        true
    }
}
