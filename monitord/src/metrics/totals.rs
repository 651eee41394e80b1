//! What has happened in all pools together, and what they share.

use std::fmt;

use pool::{Fleet, FleetTotals, LoginTimes};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};

use super::ResultLabel;
use super::encode::{Buckets, counter, counters, gauge, histograms};

#[derive(Clone, Debug, EncodeLabelSet)]
struct CauseLabels {
    kind: &'static str,
    /// Empty for errors that belong to no phase.
    phase: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct PhaseLabel {
    phase: &'static str,
}

/// Writes what has happened since the fleet was made.
pub(super) fn encode_totals(encoder: &mut DescriptorEncoder<'_>, fleet: &Fleet) -> fmt::Result {
    let totals = fleet.totals();
    for (name, help, count) in plain(&totals) {
        counter(encoder, name, help, count)?;
    }
    let cause = |((kind, phase), count): (&(pool_core::ErrorKind, Option<_>), &u64)| {
        let phase = phase.map_or("", pool_core::Phase::as_str);
        (CauseLabels { kind: kind.as_str(), phase }, *count)
    };
    counters(
        encoder,
        "monitord_sessions_create_failed",
        "Sessions not made, by how and where making them failed",
        totals.create_failed.iter().map(cause),
    )?;
    let discarded = totals.discarded.iter();
    counters(
        encoder,
        "monitord_sessions_discarded",
        "Sessions not lent again, by why not",
        discarded.map(|(reason, count)| (ReasonLabel { reason: reason.as_str() }, *count)),
    )?;
    let rebuilds = totals.rebuilds.iter();
    counters(
        encoder,
        "monitord_rebuilds",
        "Replacements of sessions that were begun, by why",
        rebuilds.map(|(reason, count)| (ReasonLabel { reason: reason.as_str() }, *count)),
    )?;
    let failed = totals.pools.health_failed_total;
    let passed = totals.health_checks_total.saturating_sub(failed);
    counters(
        encoder,
        "monitord_health_checks",
        "Tests of sessions that were idle, by how they ended",
        [("passed", passed), ("failed", failed)]
            .map(|(result, count)| (ResultLabel { result }, count)),
    )?;
    let phases = totals.login_times.iter();
    histograms(
        encoder,
        "monitord_login_phase_duration_seconds",
        "How long each phase took of the logins that succeeded",
        phases.map(|(phase, times)| (PhaseLabel { phase: phase.as_str() }, buckets(times))),
    )
}

fn plain(totals: &FleetTotals) -> [(&'static str, &'static str, u64); 10] {
    let pools = &totals.pools;
    [
        ("connection_get_success", "Gets that ended with a session", pools.get_success_total),
        ("connection_get_timeout", "Gets whose deadline passed", pools.get_timeout_total),
        ("connection_get_canceled", "Gets that were cancelled", pools.get_canceled_total),
        ("connection_get_failed", "Gets that failed otherwise", pools.get_failed_total),
        ("monitord_sessions_created", "Sessions made", pools.created_total),
        ("monitord_sessions_reused", "Times a session was lent again", pools.reused_total),
        ("monitord_sessions_closed", "Sessions whose closing is done", pools.closed_total),
        ("monitord_sessions_rebuilt", "Sessions that were replaced", pools.rebuilt_total),
        (
            "monitord_leaks_suspected",
            "Sessions that were in use for suspiciously long",
            pools.leak_suspected_total,
        ),
        ("monitord_gate_shut", "Times a router was left alone for a while", pools.gate_shut_total),
    ]
}

fn buckets(times: &LoginTimes) -> Buckets {
    let bounds = LoginTimes::BOUNDS.iter().map(std::time::Duration::as_secs_f64);
    Buckets {
        sum: times.sum.as_secs_f64(),
        count: times.count,
        within: bounds.zip(times.within).collect(),
    }
}

/// Writes what all routers share, and how much of it is used. A limit that is off has no row.
pub(super) fn encode_load(encoder: &mut DescriptorEncoder<'_>, fleet: &Fleet) -> fmt::Result {
    let (load, limits) = (fleet.load(), fleet.limits());
    let gauges = [
        ("monitord_fleet_pools", "Routers that were asked for sessions", load.pools),
        (
            "monitord_fleet_pools_retired",
            "Pools of routers that are gone or have changed, which still have sessions",
            load.retired,
        ),
        ("monitord_fleet_sessions", "Sessions over all routers", load.sessions),
        (
            "monitord_fleet_sessions_waiting",
            "Sessions that wait for the limit on them, or for earlier ones of their router to end",
            load.sessions_waiting,
        ),
        ("monitord_fleet_logins_in_flight", "Logins under way", load.logins_in_flight),
        ("monitord_fleet_logins_waiting", "Logins that wait for a limit", load.logins_waiting),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    let limits = [
        (
            "monitord_fleet_sessions_max",
            "Sessions that all routers may have together",
            limits.sessions_max.map(usize::from),
        ),
        (
            "monitord_fleet_logins_in_flight_max",
            "Logins that may be under way at once",
            limits.logins_in_flight_max.map(usize::from),
        ),
        (
            "monitord_fleet_logins_per_second_max",
            "Logins that may be begun in a second",
            limits.logins_per_second.and_then(|rate| usize::try_from(rate.get()).ok()),
        ),
    ];
    for (name, help, limit) in limits {
        if let Some(value) = limit {
            gauge(encoder, name, help, value)?;
        }
    }
    Ok(())
}
