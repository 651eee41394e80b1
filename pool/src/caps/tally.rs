use std::collections::BTreeMap;

use parking_lot::Mutex;
use pool_core::{DiscardReason, ErrorKind, Phase, PhaseSpan, PoolEvent, RebuildReason};

use crate::fleet::LoginTimes;

/// Counts by cause what happens in the pools of a fleet. Pools come and go; these counts stay.
///
/// One lock for all pools, taken for what is rare beside a login and never for a session that is
/// lent or comes back.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

/// The counts of a [`Tally`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) create_failed: BTreeMap<(ErrorKind, Option<Phase>), u64>,
    pub(crate) discarded: [u64; DiscardReason::ALL.len()],
    pub(crate) rebuilds: [u64; RebuildReason::ALL.len()],
    pub(crate) health_checks: u64,
    pub(crate) login_times: BTreeMap<Phase, LoginTimes>,
}

impl Tally {
    pub(super) fn count(&self, event: &PoolEvent) {
        match event {
            PoolEvent::CreateFailed { error, .. } => {
                let cause = (error.kind(), error.phase());
                *self.0.lock().create_failed.entry(cause).or_default() += 1;
            }
            PoolEvent::Discarded { reason, .. } => {
                add_one(&mut self.0.lock().discarded, &DiscardReason::ALL, reason);
            }
            PoolEvent::Rebuilding { reason, .. } => {
                add_one(&mut self.0.lock().rebuilds, &RebuildReason::ALL, reason);
            }
            PoolEvent::HealthChecked { .. } => self.0.lock().health_checks += 1,
            _ => {}
        }
    }

    /// A login succeeded, and these phases took so long.
    pub(super) fn logged_in(&self, phases: &[PhaseSpan]) {
        let mut counts = self.0.lock();
        for PhaseSpan { phase, elapsed } in phases {
            counts.login_times.entry(*phase).or_default().add(*elapsed);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().clone()
    }
}

fn add_one<R: PartialEq>(counts: &mut [u64], all: &[R], reason: &R) {
    if let Some(at) = all.iter().position(|known| known == reason) {
        counts[at] += 1;
    }
}
