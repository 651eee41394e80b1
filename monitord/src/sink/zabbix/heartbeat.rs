use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

use super::delivery::Shared;
use super::value::ItemValue;
use crate::settings::Heartbeat;

/// Sends the seconds since the first beat to the item, again and again, until the process ends.
///
/// A beat is never kept: one that could not be sent has told what it has to tell.
pub(super) async fn beat(heartbeat: Heartbeat, shared: Arc<Shared>) {
    // The process's, and not this task's: another takes its place when the settings change.
    let start = *shared.metrics.beating_since.get_or_init(Instant::now);
    let mut ticks = interval(heartbeat.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut was_refused = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.closing.cancelled() => return,
        }
        let now = Timestamp::now();
        let beat = [ItemValue {
            seq: 0,
            host: heartbeat.host.clone(),
            key: heartbeat.key.clone(),
            value: start.elapsed().as_secs().to_string(),
            clock: now.as_second(),
            ns: u32::try_from(now.subsec_nanosecond()).unwrap_or(1).max(1),
            is_unsupported: false,
        }];
        let sorted = tokio::select! {
            sorted = shared.sender.deliver(&beat) => sorted,
            () = shared.closing.cancelled() => return,
        };
        // That Zabbix cannot be reached is said by those who have something to lose.
        let Ok(sorted) = sorted else { continue };
        let is_refused = !sorted.refused.is_empty();
        if is_refused && !was_refused {
            let (host, item) = (&heartbeat.host, &heartbeat.key);
            warn!(host, item, "Zabbix refuses the heartbeat: no such host or trapper item");
        }
        was_refused = is_refused;
    }
}
