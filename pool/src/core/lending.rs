use pool_core::{Error, Result};
use tokio::time::Instant;

use super::session::{Place, Session};
use super::{Core, GetOutcome, Loan};

impl<S, W, V> Core<S, W, V> {
    /// Lends an idle session at once, if there is one that nobody waits for.
    ///
    /// # Errors
    ///
    /// `Closed`; or, while the gate of the lane is shut and no session of it is left that could
    /// be waited for, the error that shut it.
    #[inline]
    pub(crate) fn take(&mut self, now: Instant, lane: usize) -> Result<Option<Loan<S>>> {
        if self.closed {
            return Err(Error::Closed);
        }
        // After every event a session that can be lent at once is one that no ticket of its lane
        // waits for, so whoever finds one here passes nobody.
        debug_assert!(self.lanes[lane].is_empty() || !self.has_ready(now, lane));
        if let Some(session) = self.first_ready(now, lane) {
            return Ok(lend(session, now));
        }
        self.turned_away(now, lane).map_or(Ok(None), Err)
    }

    /// Counts how a get ended.
    #[inline]
    pub(crate) fn count(&mut self, outcome: GetOutcome) {
        let totals = &mut self.totals;
        match outcome {
            GetOutcome::Lent { reused } => {
                totals.get_success += 1;
                totals.reused += u64::from(reused);
            }
            GetOutcome::TimedOut => totals.get_timeout += 1,
            GetOutcome::Cancelled => totals.get_canceled += 1,
            GetOutcome::Failed => totals.get_failed += 1,
        }
    }

    /// Whether a session of `lane` can be lent at once.
    pub(super) fn has_ready(&self, now: Instant, lane: usize) -> bool {
        let check_after = self.limits.options.check_when_idle_for;
        let degraded_after = self.limits.options.degraded_after;
        self.slots.kept().any(|session| {
            let idle = matches!(session.place, Place::Idle(_)) && session.lane() == lane;
            idle && session.is_fresh(now, check_after, degraded_after)
        })
    }

    /// The idle session of `lane` that is lent first, of those that need no test.
    #[inline]
    pub(super) fn first_ready(&mut self, now: Instant, lane: usize) -> Option<&mut Session<S>> {
        let check_after = self.limits.options.check_when_idle_for;
        let degraded_after = self.limits.options.degraded_after;
        let fresh = |session: &Session<S>| session.is_fresh(now, check_after, degraded_after);
        let order = self.limits.options.lend;
        // Nearly always the first of all is fresh, and the others need not be looked at closely.
        let mut at = self.slots.first_idle(order, |session| session.lane() == lane)?;
        if !self.slots.session_at(at).is_some_and(|session| fresh(session)) {
            at =
                self.slots.first_idle(order, |session| session.lane() == lane && fresh(session))?;
        }
        self.slots.session_at(at)
    }
}

/// Hands the session out to whoever asks for it now, or was granted it.
#[inline]
pub(super) fn lend<S>(session: &mut Session<S>, now: Instant) -> Option<Loan<S>> {
    let inner = session.inner.take()?;
    let reused = session.uses > 0;
    let connect = session.awaited.then(|| session.made.duration_since(session.wanted));
    session.awaited = false;
    session.place = Place::Lent;
    session.wanted = now;
    session.uses = session.uses.saturating_add(1);
    session.suspected = false;
    session.taken_at = None;
    Some(Loan { slot: session.slot, session: inner, reused, connect })
}
