use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use pool_core::{Context, Error, Phase, Protocol, Result, SlotId};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::Fleet;
use super::report::{RebuildOutcome, RebuildReport, SessionRebuild, SkipReason};
use crate::core::Wish;
use crate::{Pool, RebuildPolicy};

/// The most sessions that are replaced at once, over all routers: half of the threads that a
/// RADIUS server has by default (FreeRADIUS' `max_servers` is 32), so that checks can log in
/// meanwhile.
const AT_ONCE_MAX: usize = 16;
/// How soon a session is looked at again that cannot be replaced now because it is in use: a check
/// takes some seconds.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Which sessions of a fleet are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RebuildScope<'a> {
    /// Those of one router.
    Router(&'a str),
    /// Those of one protocol, on every router.
    Protocol(Protocol),
    /// All.
    All,
}

impl Fleet {
    /// Replaces sessions by new ones, for instance after the routers got a new software or their
    /// accounts other rights: new sessions see that, old ones do not.
    ///
    /// It is no storm of logins. Of the sessions that are meant, as many are replaced at a time as
    /// the [policy](crate::RebuildPolicy::share_percent) allows for one pool of that size, sixteen
    /// at the most; within each pool the same policy holds, and the fleet's limits hold as well.
    /// Routers take turns.
    ///
    /// It takes nothing from anybody. The new session is made first where a slot is free; without,
    /// the old one is closed once it is idle and nobody waits. A session in use is looked at again
    /// until `ctx` ends. One whose router takes no logins at present is kept, and so is one whose
    /// replacement fails where there was a slot for both.
    ///
    /// Where a [limit on sessions](crate::FleetLimits::sessions_max) is used up, no second session
    /// can be made beside the old one: then the old one is closed first as well, once it is idle.
    /// A caller of another router who waits for that room gets it, and the session is reported as
    /// failed, for the limit is `Busy`.
    ///
    /// Sessions that are made meanwhile are not meant. A router that is not known, or has no
    /// session, has no entry in the report. Nothing is done later: a session that was skipped
    /// stays until the next call, or until the policy replaces it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: replacements that were begun are ended by their pools, and no more are begun.
    pub async fn rebuild(&self, ctx: &Context, scope: RebuildScope<'_>) -> RebuildReport {
        let (router, protocol) = match scope {
            RebuildScope::Router(name) => (Some(name), None),
            RebuildScope::Protocol(protocol) => (None, Some(protocol)),
            RebuildScope::All => (None, None),
        };
        let (pools, options) = {
            let state = self.state.lock();
            let meant = |pool: &&Arc<Pool>| router.is_none_or(|name| **pool.name() == *name);
            let pools: Vec<_> = state.pools.values().filter(meant).cloned().collect();
            (pools, state.options.clone())
        };
        Rebuild::of(pools, protocol, &options.rebuild).run(ctx).await
    }
}

/// A session that is to be replaced.
#[derive(Clone, Debug)]
struct Task {
    pool: Arc<Pool>,
    protocol: Protocol,
    slot: SlotId,
}

impl Task {
    fn ended(&self, outcome: RebuildOutcome) -> SessionRebuild {
        let (router, protocol, slot) = (self.pool.name().clone(), self.protocol, self.slot);
        SessionRebuild { router, protocol, slot, outcome }
    }
}

/// How a replacement that was begun ends.
type Ending = BoxFuture<'static, (Task, RebuildOutcome)>;

/// Replaces sessions, a few at a time.
struct Rebuild {
    at_once: usize,
    /// To be tried now.
    ready: VecDeque<Task>,
    /// To be tried again at `look_again_at`.
    later: Vec<Task>,
    look_again_at: Instant,
    under_way: FuturesUnordered<Ending>,
    /// What is under way, to say so if it does not end in time.
    begun: Vec<Task>,
    report: RebuildReport,
}

impl Rebuild {
    /// All sessions of `pools` that are meant, one of each router before the second of any.
    fn of(mut pools: Vec<Arc<Pool>>, protocol: Option<Protocol>, policy: &RebuildPolicy) -> Self {
        pools.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        let tasks = pools.iter().flat_map(|pool| {
            let sessions = pool.shared().core().replaceable();
            let task = |(slot, lane)| Task {
                pool: pool.clone(),
                protocol: pool.shared().factory(lane).protocol(),
                slot,
            };
            let tasks = sessions.into_iter().map(task);
            tasks.filter(move |task| protocol.is_none_or(|it| it == task.protocol)).enumerate()
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.sort_by_key(|(place, _)| *place);
        let ready: VecDeque<_> = tasks.into_iter().map(|(_, task)| task).collect();
        Self {
            at_once: Ord::min(policy.at_a_time(ready.len()), AT_ONCE_MAX),
            ready,
            later: Vec::new(),
            look_again_at: Instant::now() + LOOK_AGAIN_AFTER,
            under_way: FuturesUnordered::new(),
            begun: Vec::new(),
            report: RebuildReport::default(),
        }
    }

    /// Goes on until every session has been seen to, or `ctx` ends.
    async fn run(mut self, ctx: &Context) -> RebuildReport {
        if ctx.check(Phase::Acquire).is_err() {
            return self.cut_off();
        }
        let ended = ctx.ended(Phase::Acquire);
        tokio::pin!(ended);
        loop {
            self.begin();
            if self.begun.is_empty() && self.later.is_empty() {
                return self.report.in_order();
            }
            tokio::select! {
                biased;
                Some((task, outcome)) = self.under_way.next() => self.end(&task, outcome),
                () = sleep_until(self.look_again_at), if !self.later.is_empty() => {
                    self.look_again_at = Instant::now() + LOOK_AGAIN_AFTER;
                    self.ready.extend(self.later.drain(..));
                }
                _ = &mut ended => return self.cut_off(),
            }
        }
    }

    /// Begins what may be begun now.
    fn begin(&mut self) {
        while self.begun.len() < self.at_once
            && let Some(task) = self.ready.pop_front()
        {
            let (watcher, answer) = oneshot::channel();
            let shared = task.pool.shared();
            let (wish, actions) = shared.core().replace_now(Instant::now(), task.slot, watcher);
            shared.perform(actions);
            match wish {
                Wish::Begun => {
                    self.begun.push(task.clone());
                    self.under_way.push(Box::pin(ending(task, answer)));
                }
                Wish::NotNow => self.later.push(task),
                Wish::Gone => self.skip(&task, SkipReason::Gone),
                Wish::Refused(error) => self.skip(&task, SkipReason::Failing(error)),
            }
        }
    }

    /// A replacement came to its end. Others of its router may have waited for that.
    fn end(&mut self, task: &Task, outcome: RebuildOutcome) {
        self.begun
            .retain(|begun| !(begun.slot == task.slot && Arc::ptr_eq(&begun.pool, &task.pool)));
        let same = |other: &mut Task| Arc::ptr_eq(&other.pool, &task.pool);
        self.ready.extend(self.later.extract_if(.., same));
        self.report.sessions.push(task.ended(outcome));
    }

    fn skip(&mut self, task: &Task, reason: SkipReason) {
        self.report.sessions.push(task.ended(RebuildOutcome::Skipped(reason)));
    }

    /// The time is up. What was begun goes on without us.
    fn cut_off(mut self) -> RebuildReport {
        for task in std::mem::take(&mut self.begun) {
            self.skip(&task, SkipReason::UnderWay);
        }
        for task in std::mem::take(&mut self.later) {
            self.skip(&task, SkipReason::InUse);
        }
        for task in std::mem::take(&mut self.ready) {
            self.skip(&task, SkipReason::NotBegun);
        }
        self.report.in_order()
    }
}

async fn ending(task: Task, answer: oneshot::Receiver<Result<()>>) -> (Task, RebuildOutcome) {
    let outcome = match answer.await {
        Ok(Ok(())) => RebuildOutcome::Rebuilt,
        Ok(Err(Error::Closed)) | Err(_) => RebuildOutcome::Skipped(SkipReason::Gone),
        Ok(Err(error)) => RebuildOutcome::Failed(error),
    };
    (task, outcome)
}
