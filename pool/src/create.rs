use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use pool_core::{Context, Error, Phase, PhaseTrace, PoolEvent, Result, SlotId};
use tracing::Instrument;

use crate::shared::{Session, Shared};

/// Makes a session in a task of its own, so that no caller's deadline or cancellation can waste
/// the work. Whatever becomes of the task, the core hears of it.
pub(crate) fn spawn(shared: &Arc<Shared>, slot: SlotId, lane: usize, timeout: Duration) {
    let (ctx, trace) = Context::new(&shared.cancel, timeout).traced();
    shared.core().traced(slot, trace.clone());
    let guard = CreateGuard { shared: shared.clone(), slot, lane, armed: true };
    let span = tracing::debug_span!(
        "create",
        router = %shared.name,
        protocol = %shared.protocol(lane),
        slot = slot.0
    );
    let task = async move {
        let result = attempt(&guard.shared, lane, &ctx, &trace).await;
        guard.finish(result);
    };
    drop(shared.runtime.spawn(task.instrument(span)));
}

/// One attempt within `ctx`, also if the factory does not keep to it or panics.
async fn attempt(
    shared: &Shared,
    lane: usize,
    ctx: &Context,
    trace: &PhaseTrace,
) -> Result<Session> {
    let phase = || trace.current().unwrap_or(Phase::Connect);
    let create = async { shared.factory(lane).create_with_context(ctx, &shared.config).await };
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

    fn succeed(&self, session: Session) {
        let (slot, protocol) = (self.slot, self.shared.protocol(self.lane));
        tracing::debug!("session made");
        self.shared.event(|| PoolEvent::Created { slot, protocol });
        self.shared.apply(|core, now| core.created(now, slot, session));
    }

    fn fail(&self, error: &Error) {
        let protocol = self.shared.protocol(self.lane);
        tracing::debug!(%error, "session not made");
        self.shared.event(|| PoolEvent::CreateFailed { protocol, error: error.clone() });
        self.shared.apply(|core, now| core.create_failed(now, self.slot, error));
    }
}

impl Drop for CreateGuard {
    fn drop(&mut self) {
        if self.armed {
            self.shared.apply(|core, now| core.create_abandoned(now, self.slot));
        }
    }
}
