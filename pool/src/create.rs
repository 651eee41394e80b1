use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use pool_core::{Context, Error, Phase, PhaseTrace, PoolEvent, Result, SlotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::caps::Admission;
use crate::shared::{Session, Shared};

/// Makes a session in a task of its own, so that no caller's deadline or cancellation can waste
/// the work. Whatever becomes of the task, the core hears of it.
///
/// A fleet may hold the attempt up. That is not the device's fault: it takes nothing from
/// `timeout` and counts as no failure, and lasts until the fleet lets it begin, or nobody wants
/// the session any more, or the pool closes.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    slot: SlotId,
    lane: usize,
    timeout: Duration,
    cut_off: CancellationToken,
) {
    let guard = CreateGuard { shared: shared.clone(), slot, lane, armed: true };
    let span = tracing::debug_span!(
        "create",
        router = %shared.name,
        protocol = %shared.factory(lane).protocol(),
        slot = slot.0
    );
    let task = async move {
        let Ok(admission) = admitted(&guard.shared, slot, &cut_off).await else {
            return guard.withdraw();
        };
        let (ctx, trace) = Context::new(&cut_off, timeout).traced();
        guard.shared.core().begun(Instant::now(), slot, trace.clone());
        let result = attempt(&guard.shared, lane, &ctx, &trace).await;
        if let (Ok(_), Some(member)) = (&result, guard.shared.member.get()) {
            member.logged_in(&trace);
        }
        guard.finish(match admission {
            Some(Admission { permit, seats }) => {
                drop(permit);
                result.map(|session| seats.under(session))
            }
            None => result,
        });
    };
    drop(shared.runtime.spawn(task.instrument(span)));
}

/// The attempt is not to begin: the pool is closed, or the fleet has no room for it.
struct Withdrawn;

/// Waits until the fleet lets the attempt begin. A pool without a fleet begins at once.
async fn admitted(
    shared: &Arc<Shared>,
    slot: SlotId,
    cut_off: &CancellationToken,
) -> Result<Option<Admission>, Withdrawn> {
    let Some(member) = shared.member.get() else { return Ok(None) };
    tokio::select! {
        biased;
        () = cut_off.cancelled() => Err(Withdrawn),
        admission = member.admit(shared, slot) => admission.map(Some).ok_or(Withdrawn),
    }
}

/// One attempt within `ctx`, also if the factory does not keep to it or panics.
async fn attempt(
    shared: &Shared,
    lane: usize,
    ctx: &Context,
    trace: &PhaseTrace,
) -> Result<Session> {
    let phase = || trace.current().unwrap_or(Phase::Connect);
    let config = shared.config();
    let create = async { shared.factory(lane).create_with_context(ctx, &config).await };
    let create = AssertUnwindSafe(create).catch_unwind();
    tokio::select! {
        biased;
        result = create => result.unwrap_or_else(|_panic| Err(Error::Local {
            phase: phase(),
            message: "making a session panicked".to_owned(),
        })),
        ended = ctx.ended(Phase::Connect) => Err(in_phase(ended, phase())),
    }
}

/// The same end of a context, in the phase that the attempt had come to.
fn in_phase(ended: Error, phase: Phase) -> Error {
    match ended {
        Error::DeadlineExceeded { elapsed, last, .. } => {
            Error::DeadlineExceeded { phase, elapsed, last }
        }
        Error::Cancelled { .. } => Error::Cancelled { phase },
        other => other,
    }
}

/// Holds the slot of an attempt. If the task is aborted, or its runtime shut down, dropping the
/// guard gives the slot free.
struct CreateGuard {
    shared: Arc<Shared>,
    slot: SlotId,
    lane: usize,
    armed: bool,
}

impl CreateGuard {
    fn finish(mut self, result: Result<Session>) {
        self.armed = false;
        match result {
            Ok(session) => self.succeed(session),
            Err(error) => self.fail(&error),
        }
    }

    fn withdraw(mut self) {
        self.armed = false;
        self.shared.apply(|core, now| core.create_withdrawn(now, self.slot));
    }

    fn succeed(&self, session: Session) {
        let (slot, protocol) = (self.slot, self.shared.factory(self.lane).protocol());
        tracing::debug!("session made");
        self.shared.event(|| PoolEvent::Created { slot, protocol });
        self.shared.apply(|core, now| core.created(now, slot, session));
    }

    fn fail(&self, error: &Error) {
        tracing::debug!(%error, "session not made");
        self.tell_failure(error);
        self.shared.apply(|core, now| core.create_failed(now, self.slot, error));
    }

    fn tell_failure(&self, error: &Error) {
        let protocol = self.shared.factory(self.lane).protocol();
        self.shared.event(|| PoolEvent::CreateFailed { protocol, error: error.clone() });
    }
}

impl Drop for CreateGuard {
    fn drop(&mut self) {
        if self.armed {
            let message = "the runtime that makes sessions was shut down".to_owned();
            let error = Error::Local { phase: Phase::Acquire, message };
            self.tell_failure(&error);
            self.shared.apply(|core, now| core.create_abandoned(now, self.slot, &error));
        }
    }
}
