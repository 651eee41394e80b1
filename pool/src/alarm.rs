use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::shared::{Core, Shared};

/// Somebody who waits in the queue.
pub(crate) struct Waiter {
    pub(crate) waker: Waker,
    pub(crate) deadline: Instant,
}

/// The one timer for the deadlines of all who wait in a pool, there only while somebody does.
///
/// It rings at the earliest deadline that it was set for, whether or not whoever it was set for
/// still waits. Then it is gone; of those who still wait, the one with the earliest deadline is
/// woken as well, to set the next. So while somebody waits there is an alarm that rings in time
/// for everybody, or somebody has been woken who will set it. It runs in the runtime of the caller
/// that set it; if that is shut down, everybody is woken.
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// None when it is `deadline` already.
    fn new(deadline: Instant, pool: Arc<Shared>) -> Option<Self> {
        let mut timer = Box::pin(sleep_until(deadline));
        let waker = Waker::from(pool);
        // What is left of the caller's budget must not matter: nobody would poll it again.
        let set = pin!(unconstrained(timer.as_mut())).poll(&mut Context::from_waker(&waker));
        set.is_pending().then_some(Self(timer))
    }
}

/// A core, and the alarm of those who wait in it.
pub(crate) struct Watched {
    pub(crate) core: Core,
    alarm: Option<Alarm>,
}

impl Watched {
    pub(crate) fn new(core: Core) -> Self {
        Self { core, alarm: None }
    }

    /// Sees to it that a waiter is woken at its deadline.
    pub(crate) fn watch(&mut self, waiter: &Waiter, pool: &Arc<Shared>) {
        if self.alarm.as_ref().is_some_and(|Alarm(timer)| timer.deadline() <= waiter.deadline) {
            return;
        }
        self.alarm = Alarm::new(waiter.deadline, pool.clone());
        if self.alarm.is_none() {
            waiter.waker.wake_by_ref();
        }
    }

    /// Somebody waits no longer. What is returned is to be dropped and woken without the lock.
    #[must_use]
    pub(crate) fn unwatch(&mut self) -> (Option<Alarm>, Option<Waker>) {
        if !self.core.has_waiters() {
            (self.alarm.take(), None)
        } else if self.alarm.is_none() {
            // Whoever left may have been the one to set the next alarm.
            let earliest = self.core.waiters().min_by_key(|waiter| waiter.deadline);
            (None, earliest.map(|waiter| waiter.waker.clone()))
        } else {
            (None, None)
        }
    }

    fn ring(&mut self, now: Instant) -> (Option<Alarm>, Vec<Waker>) {
        let due = self.core.waiters().filter(|waiter| waiter.deadline <= now);
        let mut woken: Vec<_> = due.map(|waiter| waiter.waker.clone()).collect();
        let rest = || self.core.waiters().filter(|waiter| waiter.deadline > now);
        if woken.is_empty() {
            // It rings too early: its runtime is being shut down.
            woken.extend(rest().map(|waiter| waiter.waker.clone()));
        } else {
            let earliest = rest().min_by_key(|waiter| waiter.deadline);
            woken.extend(earliest.map(|waiter| waiter.waker.clone()));
        }
        (self.alarm.take(), woken)
    }
}

/// A pool is what its alarm wakes.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        let (alarm, woken) = self.watched().ring(Instant::now());
        drop(alarm);
        woken.into_iter().for_each(Waker::wake);
    }
}
