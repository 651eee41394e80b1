use std::time::Duration;

use pool_core::Error;

/// How making sessions of one protocol fails: what is known since its last success.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GateState {
    /// For how long the device is left alone but for a single attempt now and then; `None` while
    /// callers are still let in.
    pub shut_for: Option<Duration>,
    /// How long ago the first of the attempts failed.
    pub failing_for: Duration,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// How long ago the latest of them failed.
    pub failed_ago: Duration,
    /// When the next attempt may be made, from now.
    pub next_try: Duration,
    /// How the latest attempt failed.
    pub error: Error,
}
