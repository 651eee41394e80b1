use std::sync::Weak;
use std::time::Duration;

use parking_lot::Mutex;

use super::state::State;
use crate::PoolOptions;

/// Pools are swept this many times within the shortest age that the options give to anything, so
/// that none is overrun by more than a quarter.
const SWEEPS_PER_AGE: u32 = 4;
/// But not more often, however short that is: a sweep looks at every session of every pool.
const SWEEP_EVERY_MIN: Duration = Duration::from_millis(100);
/// And not less often: sessions that were lost are replaced in a sweep.
const SWEEP_EVERY_MAX: Duration = Duration::from_secs(30);

/// Whether the task that sweeps all pools has been started. It starts with the first pool, for a
/// fleet can be made outside a runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sweeper {
    #[default]
    NotStarted,
    Started,
}

/// How often the pools with these options are swept.
fn sweep_every(options: &PoolOptions) -> Duration {
    let PoolOptions { idle_max, keepalive_after, leak_after, rebuild, .. } = options;
    let ages = [*idle_max, *keepalive_after, *leak_after, rebuild.max_age];
    let shortest = ages.into_iter().min().unwrap_or(SWEEP_EVERY_MAX);
    (shortest / SWEEPS_PER_AGE).clamp(SWEEP_EVERY_MIN, SWEEP_EVERY_MAX)
}

/// One task for all pools, until the fleet is closed or dropped.
pub(super) async fn sweep_from_time_to_time(fleet: Weak<Mutex<State>>) {
    loop {
        // The options can have changed meanwhile, and with them the shortest age.
        let Some(every) = fleet.upgrade().map(|state| sweep_every(&state.lock().options)) else {
            return;
        };
        tokio::time::sleep(every).await;
        let Some(state) = fleet.upgrade() else { return };
        let pools: Vec<_> = {
            let mut state = state.lock();
            if state.closed {
                return;
            }
            state.forget_gone();
            state.pools.values().cloned().collect()
        };
        pools.iter().for_each(|pool| pool.sweep());
    }
}
