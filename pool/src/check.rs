use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use pool_core::{Context, DiscardReason, Error, Phase, PoolEvent, SlotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::shared::{Session, Shared};

/// Tests in a task of its own whether a session still answers, within `health_check_timeout`. A
/// test that is cut short leaves the session in an unknown state, so that it is closed.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    slot: SlotId,
    mut session: Session,
    cut_off: &CancellationToken,
) {
    let ctx = Context::new(cut_off, shared.config().health_check_timeout);
    let guard = CheckGuard { shared: shared.clone(), slot, since: Instant::now(), armed: true };
    let span = tracing::debug_span!("check", router = %shared.name, slot = slot.0);
    let task = async move {
        let check = ctx.run(Phase::HealthCheck, session.health_check(&ctx));
        match AssertUnwindSafe(check).catch_unwind().await {
            Ok(Ok(())) => guard.passed(session),
            Ok(Err(error)) => {
                tracing::debug!(%error, "idle session failed its test");
                guard.failed(session, error);
            }
            Err(_panic) => {
                tracing::warn!("testing a session panicked");
                let message = "testing a session panicked".to_owned();
                guard.failed(session, Error::Local { phase: Phase::HealthCheck, message });
            }
        }
    };
    drop(shared.runtime.spawn(task.instrument(span)));
}

/// Holds the slot of a session that is being tested. If the task is aborted, or its runtime shut
/// down, the session is gone, and dropping the guard gives the slot free.
struct CheckGuard {
    shared: Arc<Shared>,
    slot: SlotId,
    since: Instant,
    armed: bool,
}

impl CheckGuard {
    fn passed(mut self, session: Session) {
        self.armed = false;
        self.tell(None);
        self.shared.apply(|core, now| core.checked(now, self.slot, session));
    }

    fn failed(mut self, session: Session, error: Error) {
        self.armed = false;
        let broken = error.breaks_connection();
        self.tell(Some(error));
        self.shared.apply(|core, now| core.check_failed(now, self.slot, session, broken));
    }

    fn tell(&self, error: Option<Error>) {
        let (slot, took) = (self.slot, self.since.elapsed());
        self.shared.event(|| PoolEvent::HealthChecked { slot, took, error });
    }
}

impl Drop for CheckGuard {
    fn drop(&mut self) {
        if self.armed {
            let (slot, reason) = (self.slot, DiscardReason::CutShort);
            self.shared.event(|| PoolEvent::Discarded { slot, reason });
            self.shared.event(|| PoolEvent::Closed { slot });
            self.shared.apply(|core, now| core.check_abandoned(now, slot));
        }
    }
}
