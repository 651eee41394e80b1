//! Limits over all routers.

use std::num::{NonZeroU32, NonZeroUsize};

use pool::FleetLimits;

use super::section::Section;
use super::value::integer;

/// The most sessions that can be asked for: each takes a socket, and the system has no more.
const SESSIONS_MAX: usize = 65_536;
/// The most logins at once, and in a second, that can be asked for. Above this there is nothing
/// to limit.
const LOGINS_MAX: usize = 10_000;
const LOGINS_PER_SECOND_MAX: u32 = 1000;

/// Reads the section `fleet`. What is absent is not limited.
pub(super) fn read(section: &mut Section<'_>) -> FleetLimits {
    let sessions = section.get("sessions_max", integer(1..=SESSIONS_MAX));
    let logins = section.get("logins_in_flight_max", integer(1..=LOGINS_MAX));
    let rate = section.get("logins_per_second", integer(1..=LOGINS_PER_SECOND_MAX));
    FleetLimits {
        sessions_max: sessions.and_then(NonZeroUsize::new),
        logins_in_flight_max: logins.and_then(NonZeroUsize::new),
        logins_per_second: rate.and_then(NonZeroU32::new),
    }
}
