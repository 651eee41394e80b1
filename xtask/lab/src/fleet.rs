use std::time::Duration;

use crate::{Fault, Ping, RouterSpec, platforms};

/// Sessions of a router in the demo, as few as real ones have.
const SESSIONS_MAX: usize = 5;

/// Losses of the healthy routers' lines, in percent, taken in turn.
const LOSSES_PCT: [u8; 5] = [0, 0, 20, 0, 40];

/// Round-trip times, in milliseconds, taken in turn.
const RTTS_MS: [f64; 4] = [1.8, 12.0, 34.0, 95.0];

/// The time that each packet takes in the demo: visible and not boring.
const PACE: Duration = Duration::from_millis(40);

/// The faults of the demo's sick routers: one of each kind that operators know.
const FAULTS: [Fault; 10] = [
    Fault::Refuse,
    Fault::AcceptSilent,
    Fault::StallAfterBanner,
    Fault::StallInKex,
    Fault::AuthRefused,
    Fault::StallInAuth,
    Fault::VtyLimit,
    Fault::StallBeforePrompt,
    Fault::StallMidOutput,
    Fault::CloseMidOutput,
];

/// Routers for a demonstration: so many healthy ones of each platform, and on request sick ones
/// named after their fault, such as `sick-refuse`.
pub fn demo_fleet(healthy_per_platform: usize, sick: bool) -> Vec<RouterSpec> {
    let platforms = platforms();
    let mut fleet = Vec::new();
    for number in 1..=healthy_per_platform {
        for platform in &platforms {
            let turn = fleet.len();
            let ping = Ping::lossy(LOSSES_PCT[turn % LOSSES_PCT.len()])
                .rtt_ms(RTTS_MS[turn % RTTS_MS.len()])
                .pace(Some(PACE));
            let name = format!("{}-{number}", platform.replace('_', "-"));
            fleet.push(RouterSpec::new(name, platform).sessions_max(SESSIONS_MAX).ping(ping));
        }
    }
    if sick {
        for (turn, fault) in FAULTS.into_iter().enumerate() {
            let platform = platforms[turn % platforms.len()];
            fleet.push(RouterSpec::new(format!("sick-{fault}"), platform).fault(fault));
        }
    }
    fleet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_has_every_platform_and_named_sick_routers() {
        let fleet = demo_fleet(2, true);
        assert_eq!(fleet.len(), 2 * platforms().len() + FAULTS.len());
        assert!(fleet.iter().any(|spec| spec.name() == "cisco-iosxe-2"));
        let sick = fleet.iter().find(|spec| spec.name() == "sick-refuse").expect("a sick router");
        assert_eq!(sick.initial_fault(), Some(Fault::Refuse));
        assert!(demo_fleet(1, false).iter().all(|spec| spec.initial_fault().is_none()));
    }
}
