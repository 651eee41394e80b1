//! Panics: each is a message of the log like any other, and counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many there have been in this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many panics there have been, in whatever part of the process.
pub(crate) fn panics_total() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Makes every panic a message, so that it reaches whoever collects the logs.
pub(super) fn log() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tracing::error!(place, "panicked: {}", text.unwrap_or("no message"));
    }));
}
