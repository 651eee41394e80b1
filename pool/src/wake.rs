use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::shared::{Core, Shared};

/// Lets the core look again at `time`, as long as the pool is there. It holds no slot, so nothing
/// is lost with it: a caller that comes after `time` makes the core look as well.
pub(crate) fn spawn(shared: &Arc<Shared>, time: Instant) {
    let weak = Arc::downgrade(shared);
    let closing = shared.closing().clone();
    drop(shared.runtime.spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = sleep_until(time) => {
                if let Some(shared) = weak.upgrade() {
                    shared.apply(Core::woken);
                }
            }
        }
    }));
}
