use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use pool_core::{Context, Phase, PoolEvent, SlotId};
use tracing::Instrument;

use crate::shared::{Session, Shared};

/// Closes a session in a task of its own. Its slot is free when that is done, at the latest after
/// `close_timeout`.
///
/// When the runtime is gone, the task is dropped at once, and the session with it: that cuts the
/// connection without a farewell.
pub(crate) fn spawn(shared: &Arc<Shared>, slot: SlotId, session: Session) {
    let timeout = shared.core().limits().options.close_timeout;
    let guard = CloseGuard { shared: shared.clone(), slot };
    let span = tracing::debug_span!("close", router = %shared.name, slot = slot.0);
    let task = async move {
        say_goodbye(session, timeout).await;
        // Named last so that it is dropped last: the slot is free once the session is gone.
        drop(guard);
    };
    drop(shared.runtime.spawn(task.instrument(span)));
}

async fn say_goodbye(session: Session, timeout: Duration) {
    let ctx = Context::detached(timeout);
    let close = AssertUnwindSafe(ctx.run(Phase::Close, session.close(&ctx))).catch_unwind();
    match close.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "session cut without a farewell"),
        Err(_panic) => tracing::warn!("closing a session panicked"),
    }
}

/// Holds the slot of a session that is being closed.
struct CloseGuard {
    shared: Arc<Shared>,
    slot: SlotId,
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        let slot = self.slot;
        self.shared.event(|| PoolEvent::Closed { slot });
        self.shared.apply(|core, now| core.closed(now, slot));
    }
}
