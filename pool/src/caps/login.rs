use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::logins::{Logins, Verdict};
use super::queue::{RouterId, Turn};
use super::{FleetLimits, Usage};

/// The limits on logins, behind one short lock.
#[derive(Debug)]
pub(super) struct LoginGate {
    logins: Mutex<Logins<Request>>,
}

/// Somebody who waits for a permit.
#[derive(Debug)]
struct Request {
    runtime: Handle,
    answer: oneshot::Sender<LoginPermit>,
}

impl LoginGate {
    pub(super) fn new(limits: &FleetLimits) -> Arc<Self> {
        Arc::new(Self { logins: Mutex::new(Logins::new(limits)) })
    }

    /// Queues for a permit.
    pub(super) fn enqueue(self: &Arc<Self>, router: RouterId, runtime: &Handle) -> WaitForLogin {
        let (answer, permit) = oneshot::channel();
        let request = Request { runtime: runtime.clone(), answer };
        let (turn, verdict) = self.logins.lock().enqueue(Instant::now(), router, request);
        self.carry_out(verdict, runtime);
        WaitForLogin { permit, turn, gate: self.clone() }
    }

    /// Other limits from now on.
    pub(super) fn set_limits(self: &Arc<Self>, limits: &FleetLimits, runtime: &Handle) {
        let verdict = self.logins.lock().set_limits(Instant::now(), limits);
        self.carry_out(verdict, runtime);
    }

    pub(super) fn usage(&self) -> Usage {
        let logins = self.logins.lock();
        Usage { taken: logins.in_flight(), waiting: logins.waiting() }
    }

    /// Must not be called under the lock: the permit of somebody who has gone comes back here.
    fn carry_out(self: &Arc<Self>, verdict: Verdict<Request>, runtime: &Handle) {
        if let Some(time) = verdict.wake_at {
            let alarm = Alarm { gate: self.clone(), runtime: runtime.clone(), rung: false };
            drop(runtime.spawn(async move {
                sleep_until(time).await;
                alarm.ring();
            }));
        }
        for Request { runtime, answer } in verdict.served {
            drop(answer.send(LoginPermit { gate: self.clone(), runtime }));
        }
    }
}

/// The right to log in once. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct LoginPermit {
    gate: Arc<LoginGate>,
    /// Permits come back outside a runtime, and the next may have to be timed in one.
    runtime: Handle,
}

impl Drop for LoginPermit {
    fn drop(&mut self) {
        let verdict = self.gate.logins.lock().done(Instant::now());
        self.gate.carry_out(verdict, &self.runtime);
    }
}

/// Looks again when the time for the next login has come. If its runtime is shut down before,
/// whoever comes next sets another.
struct Alarm {
    gate: Arc<LoginGate>,
    runtime: Handle,
    rung: bool,
}

impl Alarm {
    fn ring(mut self) {
        self.rung = true;
        let verdict = self.gate.logins.lock().woken(Instant::now());
        self.gate.carry_out(verdict, &self.runtime);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.rung {
            self.gate.logins.lock().disarmed();
        }
    }
}

/// A place in the queue for a permit. Dropping it leaves the queue; a permit that was just handed
/// over goes back.
#[derive(Debug)]
pub(super) struct WaitForLogin {
    permit: oneshot::Receiver<LoginPermit>,
    turn: Turn,
    gate: Arc<LoginGate>,
}

impl WaitForLogin {
    /// The permit, if it was given at once.
    pub(super) fn at_once(&mut self) -> Option<LoginPermit> {
        self.permit.try_recv().ok()
    }

    /// The permit. None is never sent away, so there always is one.
    pub(super) async fn permit(mut self) -> Option<LoginPermit> {
        (&mut self.permit).await.ok()
    }
}

impl Drop for WaitForLogin {
    fn drop(&mut self) {
        drop(self.gate.logins.lock().leave(self.turn));
    }
}
