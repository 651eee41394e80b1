//! An outcome to try things with.

#![allow(clippy::unwrap_used, reason = "what is written here is right")]

use std::time::Duration;

use pool_core::{Platform, Protocol};
use scheduler::{
    CheckResult, LineId, LineStatus, Measurement, Outcome, RouterName, RouterStatus, Target,
    Trigger,
};

/// An outcome of `line`: 20 % loss, on 2025-12-22 at 08:00:00.25 UTC.
pub(crate) fn measured(line: &str) -> Outcome {
    let at = "2025-12-22T08:00:00.25Z".parse().unwrap();
    Outcome {
        line: LineId::new(line).unwrap(),
        target: Target::new("198.51.100.1").unwrap(),
        router: RouterName::new("edge-1").unwrap(),
        platform: Platform::new("linux"),
        protocol: Protocol::Ssh,
        task: scheduler::TaskKind::Ping,
        scheduled_at: at,
        started_at: Some(at),
        duration: Duration::ZERO,
        wait: Duration::ZERO,
        connect: None,
        reused: None,
        result: CheckResult::Measured(Measurement::new(5, 4, None).into()),
        trigger: Trigger::Schedule,
        line_status: LineStatus::unknown(at),
        router_status: RouterStatus::unknown(at),
    }
}
