use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::capacity::{Capacity, Demand, Verdict};
use crate::check::{Ended, Site};
use crate::due::{Anchor, Due};
use crate::outbox::{Outbox, ReceiverGone};
use crate::state::{LineHealth, LineNews, RouterHealth, Sight};
use crate::timetable::{Repeats, Step, Timetable, Withdrawn};
use crate::{
    CheckResult, Failure, FailureKind, Line, LineState, Outcome, Router, RouterState, SkipReason,
    Trigger,
};

/// How soon a line is looked at again whose state is in doubt.
const RECHECK_AFTER: Duration = Duration::from_secs(3);
/// How much more time than it needs such a look must have until the line is due: for a new
/// session, and so that it never makes the line miss its due time.
const RECHECK_SLACK: Duration = Duration::from_secs(2);

/// Checks the lines of one router.
#[derive(Debug)]
pub(crate) struct Worker {
    site: Arc<Site>,
    timetable: Timetable,
    running: JoinSet<Ended>,
    /// What the tasks in `running` are about.
    runs: HashMap<Id, Run>,
    /// What is known of each line, by index.
    health: Vec<LineHealth>,
    router: RouterHealth,
    capacity: Capacity,
    /// Lines whose state is in doubt, and when to look again; all after the same pause, so that
    /// the first is always the earliest. At most one for each line.
    rechecks: VecDeque<(Instant, usize, Arc<Line>)>,
    outbox: Outbox,
    /// Absent for a worker whose lines stay as they are, and that ends when it is done with them.
    inbox: Option<mpsc::Receiver<Errand>>,
}

/// What a worker is told while it works.
#[derive(Debug)]
pub(crate) struct Errand {
    /// In a box, because a channel has room for many of what it carries, at every router.
    pub(crate) kind: Box<ErrandKind>,
    /// Is told when it is done: at that moment, of which due times are the last by the old ways.
    pub(crate) done: oneshot::Sender<Instant>,
}

/// The ways in which what a router has to do can change.
#[derive(Debug)]
pub(crate) enum ErrandKind {
    /// The router is no longer wanted: everything that still needs an account is brought to one,
    /// and the worker ends.
    Leave,
    /// Lines that are gone, lines with other settings, and the router's own settings.
    Change { withdraw: Vec<Arc<Line>>, change: Vec<Arc<Line>>, site: Option<Arc<Site>> },
    /// Lines that are new here; those that were elsewhere until then with the moment at which they
    /// left.
    Add(Vec<(Arc<Line>, Option<Instant>)>),
}

/// One check that is under way.
#[derive(Debug)]
struct Run {
    index: usize,
    line: Arc<Line>,
    site: Arc<Site>,
    due: Due,
    trigger: Trigger,
    started_at: Timestamp,
    began: Instant,
    task: AbortHandle,
}

impl Worker {
    /// One without lines. Without an inbox it checks what it is given once.
    pub(crate) fn new(
        site: Arc<Site>,
        outcomes: mpsc::Sender<Outcome>,
        inbox: Option<mpsc::Receiver<Errand>>,
    ) -> Self {
        let repeats = if inbox.is_some() { Repeats::AtIntervals } else { Repeats::Never };
        let timetable = Timetable::new(Anchor::now(&site.clock), repeats);
        let router = RouterHealth::new(site.clock.now());
        Self {
            site,
            timetable,
            running: JoinSet::new(),
            runs: HashMap::new(),
            health: Vec::new(),
            router,
            capacity: Capacity::new(Instant::now()),
            rechecks: VecDeque::new(),
            outbox: Outbox::new(outcomes),
            inbox,
        }
    }

    /// The same, with these lines.
    pub(crate) fn with_lines(mut self, lines: &[Arc<Line>]) -> Self {
        let now = self.timetable.anchor().as_due().instant;
        self.add(lines.iter().map(|line| (line.clone(), None)), now);
        self
    }

    fn add(
        &mut self,
        lines: impl ExactSizeIterator<Item = (Arc<Line>, Option<Instant>)>,
        now: Instant,
    ) {
        let fresh = LineHealth::new(self.site.clock.now());
        self.timetable.reserve(lines.len());
        self.health.reserve_exact(lines.len());
        for (line, after) in lines {
            let index = self.timetable.add(line, now, after);
            self.health.resize(self.health.len().max(index + 1), fresh);
            self.health[index] = fresh;
        }
    }

    /// Runs until nothing is left to do, until shutdown, or until the receiver is gone.
    pub(crate) async fn run(mut self) {
        let shutdown = self.site.shutdown.clone();
        while !self.is_done() {
            self.realign();
            self.handle_due();
            self.start_checks();
            self.start_rechecks();
            self.judge_capacity();
            let (has_room, next_at) = (self.outbox.has_room(), self.next_at());
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.shut_down().await,
                errand = next_errand(&mut self.inbox) => self.handle(errand),
                sent = self.outbox.send_one() => if sent.is_err() { return },
                Some(ended) = self.running.join_next_with_id(), if has_room => self.end(ended),
                () = wait_until(next_at), if has_room => {}
            }
        }
    }

    /// When something is to be done next.
    fn next_at(&self) -> Option<Instant> {
        let recheck = self.rechecks.front().map(|(at, ..)| *at);
        self.timetable.next_at().into_iter().chain(recheck).min()
    }

    fn is_done(&self) -> bool {
        let is_idle = self.timetable.is_empty() && self.running.is_empty();
        self.inbox.is_none() && is_idle && self.outbox.is_empty()
    }

    fn realign(&mut self) {
        if let Some(anchor) = self.timetable.anchor().jumped(&self.site.clock) {
            tracing::debug!(router = %self.site.router.name, "the wall clock has jumped");
            self.timetable.realign(anchor);
        }
    }

    /// Lines up what is due, as long as there is room for what may have to be skipped.
    fn handle_due(&mut self) {
        let now = Instant::now();
        while self.outbox.has_room()
            && let Some(step) = self.timetable.step(now)
        {
            self.note(step);
        }
    }

    fn note(&mut self, step: Step) {
        if let Step::Skipped(index, line, due, reason) = step {
            if reason == SkipReason::Overrun {
                self.capacity.overrun();
            }
            self.push_skipped(index, &line, due, reason);
        }
    }

    fn push_skipped(&mut self, index: usize, line: &Line, due: Due, reason: SkipReason) {
        let (line_status, router_status) = (self.health[index].status(), self.router.status());
        let skipped = self.site.skipped(line, due.wall, reason);
        self.outbox.push(Outcome { line_status, router_status, ..skipped });
    }

    fn start_checks(&mut self) {
        while self.has_capacity()
            && let Some((index, due)) = self.timetable.start()
        {
            self.start_check(index, due, Trigger::Schedule, None);
        }
    }

    fn has_capacity(&self) -> bool {
        let checks_max = self.site.router.connection.max_connections.max(1);
        self.outbox.has_room() && self.running.len() < checks_max
    }

    /// Looks again at lines whose state is in doubt, as long as that takes nothing from lines that
    /// are due: what cannot be done now is left to the next due time.
    fn start_rechecks(&mut self) {
        let now = Instant::now();
        while let Some((at, ..)) = self.rechecks.front()
            && *at <= now
            && let Some((_, index, line)) = self.rechecks.pop_front()
        {
            let is_same = self.timetable.line(index).is_some_and(|known| Arc::ptr_eq(known, &line));
            if !is_same || self.timetable.has_ready() || !self.has_capacity() {
                continue;
            }
            let Some(needed) = self.site.time_needed(&line) else { continue };
            let Some(free) = self.timetable.start_early(index, now) else { continue };
            if free < needed + RECHECK_SLACK {
                self.timetable.end(index, now);
                continue;
            }
            let due = Due { instant: now, wall: self.site.clock.now() };
            self.start_check(index, due, Trigger::Recheck, Some(free));
        }
    }

    /// Says once when the router does not keep up with its lines, and what would fit, and once
    /// when it does again.
    fn judge_capacity(&mut self) {
        let now = Instant::now();
        if self.inbox.is_none() || !self.capacity.may_be_over(now) {
            return;
        }
        let demand = Demand::of(self.timetable.lines().map(|line| line.interval.as_duration()));
        let Router { name, connection, .. } = &self.site.router;
        let (router, lines) = (name.as_str(), demand.lines);
        match self.capacity.judge(now, demand, connection.max_connections) {
            Verdict::Same => {}
            Verdict::Short(shortage) => {
                tracing::warn!(router, lines, %shortage, "router does not keep up");
            }
            Verdict::Enough => tracing::info!(router, lines, "router keeps up again"),
        }
        self.router.set_short(self.capacity.is_short());
    }

    fn start_check(&mut self, index: usize, due: Due, trigger: Trigger, limit: Option<Duration>) {
        let Some(line) = self.timetable.line(index).cloned() else { return };
        let (site, started_at) = (self.site.clone(), self.site.clock.now());
        let check = {
            let (site, line) = (site.clone(), line.clone());
            async move { site.check(&line, due.wall, limit).await }
        };
        let task = self.running.spawn(check);
        let (id, began) = (task.id(), Instant::now());
        let run = Run { index, line, site, due, trigger, started_at, began, task };
        self.runs.insert(id, run);
    }

    /// Takes in a check that has ended, in whatever way.
    fn end(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let run = self.runs.remove(&id).expect("each task is noted when it is started");
        let mut outcome = match ended {
            Ok((_, Ended::Outcome(outcome))) => *outcome,
            // A look that was not due need not be taken again.
            Ok((_, Ended::Superseded)) if run.trigger == Trigger::Recheck => {
                return self.timetable.end(run.index, Instant::now());
            }
            Ok((_, Ended::Superseded)) => return self.timetable.put_back(run.index, run.due),
            Err(error) => broken_off(&run, &error),
        };
        outcome.trigger = run.trigger;
        if outcome.started_at.is_some() {
            self.capacity.checked(outcome.duration);
        }
        self.learn(&run, &mut outcome);
        self.timetable.end(run.index, Instant::now());
        self.outbox.push(outcome);
    }

    /// Takes in what an outcome says of line and router, and says it once if it is news.
    fn learn(&mut self, run: &Run, outcome: &mut Outcome) {
        let (sight, at) = (Sight::of(outcome), outcome.scheduled_at);
        let was = self.router.see(sight, at);
        outcome.router_status = self.router.status();
        if let Some(was) = was {
            self.tell_of_router(was, outcome);
        }
        let health = &mut self.health[run.index];
        let news = health.see(sight, at);
        outcome.line_status = health.status();
        match news {
            LineNews::Changed { from, to } => tell_of_line(outcome, from, to),
            LineNews::Doubted if sight != Sight::NoSession && self.inbox.is_some() => {
                let again = (Instant::now() + RECHECK_AFTER, run.index, run.line.clone());
                self.rechecks.push_back(again);
            }
            _ => {}
        }
    }

    fn tell_of_router(&self, was: RouterState, outcome: &Outcome) {
        let (router, lines) = (self.site.router.name.as_str(), self.health.len());
        match &outcome.result {
            CheckResult::Failed(failure)
                if self.router.status().state == RouterState::Unreachable =>
            {
                let phase = failure.phase.map(tracing::field::display);
                let (kind, cause) = (failure.kind.as_str(), &failure.message);
                tracing::warn!(router, lines, kind, phase, cause, "router unreachable");
            }
            _ if was == RouterState::Unreachable => {
                tracing::info!(router, lines, "router reachable again");
            }
            _ => {}
        }
    }

    /// Does what the supervisor wants. It is never put off, so that it can be waited for: what an
    /// errand leaves to be accounted for waits in the timetable until there is room.
    fn handle(&mut self, errand: Option<Errand>) {
        let now = Instant::now();
        let Some(Errand { kind, done }) = errand else {
            // Nobody is left to say what to do.
            return self.leave(now);
        };
        match *kind {
            ErrandKind::Leave => self.leave(now),
            ErrandKind::Change { withdraw, change, site } => {
                if let Some(site) = site {
                    self.replace_site(site);
                }
                let indices = self.timetable.by_id();
                let index = |line: &Arc<Line>| indices.get(&line.id).copied();
                for index in withdraw.iter().filter_map(index) {
                    self.withdraw(index, now);
                }
                for line in change {
                    if let Some(index) = index(&line) {
                        self.timetable.change(index, line, now);
                    }
                }
            }
            ErrandKind::Add(lines) => self.add(lines.into_iter(), now),
        }
        // Whoever asked may have gone.
        done.send(now).ok();
    }

    /// Ends everything here, and the worker when all of it is accounted for.
    fn leave(&mut self, now: Instant) {
        for index in self.timetable.by_id().into_values() {
            self.withdraw(index, now);
        }
        self.site.pools.retire(&self.site.router.name);
        self.inbox = None;
    }

    /// A line that is gone is not worth a session any longer: its check is cut off.
    fn withdraw(&mut self, index: usize, now: Instant) {
        if self.timetable.withdraw(index, now) == Withdrawn::Running {
            self.runs.values().filter(|run| run.index == index).for_each(|run| run.task.abort());
        }
    }

    /// Checks that have a session end on it. Those that wait for one begin again.
    fn replace_site(&mut self, site: Arc<Site>) {
        let old = std::mem::replace(&mut self.site, site);
        old.superseded.cancel();
        if old.router.connection != self.site.router.connection {
            old.pools.retire(&old.router.name);
        }
    }

    /// Brings every due time that has come to its outcome: checks that have ended are delivered,
    /// those in flight are cancelled, and those that wait are not begun.
    async fn shut_down(mut self) {
        // As the receiver goes away first only if nobody wants the outcomes, that is no fault.
        self.account_for_all().await.ok();
    }

    async fn account_for_all(&mut self) -> Result<(), ReceiverGone> {
        let now = Instant::now();
        while let Some(ended) = self.running.join_next_with_id().await {
            self.end(ended);
            self.outbox.send_all().await?;
        }
        while let Some(step) = self.timetable.step(now) {
            self.note(step);
            self.outbox.send_all().await?;
        }
        while let Some((index, due)) = self.timetable.start() {
            let Some(line) = self.timetable.line(index) else { continue };
            let line = line.clone();
            self.push_skipped(index, &line, due, SkipReason::ShuttingDown);
            self.outbox.send_all().await?;
        }
        // What had been waiting before, if nothing else came.
        self.outbox.send_all().await
    }
}

/// A line changed its state: the one thing about its checks that is worth a message.
fn tell_of_line(outcome: &Outcome, from: LineState, to: LineState) {
    let (line, router) = (outcome.line.as_str(), outcome.router.as_str());
    match &outcome.result {
        CheckResult::Measured(measurement) => {
            let loss_pct = measurement.loss_pct();
            tracing::info!(line, router, %from, %to, loss_pct, "line changed");
        }
        CheckResult::Failed(failure) => {
            let phase = failure.phase.map(tracing::field::display);
            let (kind, cause) = (failure.kind.as_str(), &failure.message);
            tracing::info!(line, router, %from, %to, kind, phase, cause, "line changed");
        }
        CheckResult::Skipped(_) => {}
    }
}

/// The outcome of a check that did not come to its own end.
fn broken_off(run: &Run, error: &JoinError) -> Outcome {
    let Run { line, site, due, .. } = run;
    if error.is_cancelled() {
        return site.skipped(line, due.wall, SkipReason::Withdrawn);
    }
    tracing::error!(router = %site.router.name, line = %line.id, "a check panicked");
    let message = "the check panicked; the message is in the log".to_owned();
    let failure = Failure { kind: FailureKind::Panicked, phase: None, message, io: None };
    Outcome {
        started_at: Some(run.started_at),
        duration: run.began.elapsed(),
        result: CheckResult::Failed(failure),
        ..site.skipped(line, due.wall, SkipReason::ShuttingDown)
    }
}

async fn next_errand(inbox: &mut Option<mpsc::Receiver<Errand>>) -> Option<Errand> {
    match inbox {
        Some(inbox) => inbox.recv().await,
        None => pending().await,
    }
}

async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
