use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::check::{Ended, Site};
use crate::due::{Anchor, Due};
use crate::outbox::{Outbox, ReceiverGone};
use crate::timetable::{Repeats, Step, Timetable, Withdrawn};
use crate::{CheckResult, Failure, FailureKind, Line, Outcome, SkipReason};

/// Checks the lines of one router.
#[derive(Debug)]
pub(crate) struct Worker {
    site: Arc<Site>,
    timetable: Timetable,
    running: JoinSet<Ended>,
    /// What the tasks in `running` are about.
    runs: HashMap<Id, Run>,
    outbox: Outbox,
    /// Absent for a worker whose lines stay as they are, and that ends when it is done with them.
    inbox: Option<mpsc::Receiver<Errand>>,
}

/// What a worker is told while it works.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) kind: ErrandKind,
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
        let (running, runs) = (JoinSet::new(), HashMap::new());
        Self { site, timetable, running, runs, outbox: Outbox::new(outcomes), inbox }
    }

    /// The same, with these lines.
    pub(crate) fn with_lines(mut self, lines: &[Arc<Line>]) -> Self {
        let now = self.timetable.anchor().as_due().instant;
        self.timetable.reserve(lines.len());
        for line in lines {
            self.timetable.add(line.clone(), now, None);
        }
        self
    }

    /// Runs until nothing is left to do, until shutdown, or until the receiver is gone.
    pub(crate) async fn run(mut self) {
        let shutdown = self.site.shutdown.clone();
        while !self.is_done() {
            self.realign();
            self.handle_due();
            self.start_checks();
            let has_room = self.outbox.has_room();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.shut_down().await,
                errand = next_errand(&mut self.inbox) => self.handle(errand),
                sent = self.outbox.send_one() => if sent.is_err() { return },
                Some(ended) = self.running.join_next_with_id(), if has_room => self.end(ended),
                () = wait_until(self.timetable.next_at()), if has_room => {}
            }
        }
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
        if let Step::Skipped(line, due, reason) = step {
            self.outbox.push(self.site.skipped(&line, due.wall, reason));
        }
    }

    fn start_checks(&mut self) {
        let checks_max = self.site.router.connection.max_connections.max(1);
        while self.outbox.has_room()
            && self.running.len() < checks_max
            && let Some((index, due)) = self.timetable.start()
        {
            self.start_check(index, due);
        }
    }

    fn start_check(&mut self, index: usize, due: Due) {
        let Some(line) = self.timetable.line(index).cloned() else { return };
        let (site, started_at) = (self.site.clone(), self.site.clock.now());
        let check = {
            let (site, line) = (site.clone(), line.clone());
            async move { site.check(&line, due.wall).await }
        };
        let task = self.running.spawn(check);
        let (id, began) = (task.id(), Instant::now());
        self.runs.insert(id, Run { index, line, site, due, started_at, began, task });
    }

    /// Takes in a check that has ended, in whatever way.
    fn end(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let run = self.runs.remove(&id).expect("each task is noted when it is started");
        let outcome = match ended {
            Ok((_, Ended::Outcome(outcome))) => *outcome,
            Ok((_, Ended::Superseded)) => return self.timetable.put_back(run.index, run.due),
            Err(error) => broken_off(&run, &error),
        };
        self.timetable.end(run.index, Instant::now());
        self.outbox.push(outcome);
    }

    /// Does what the supervisor wants. It is never put off, so that it can be waited for: what an
    /// errand leaves to be accounted for waits in the timetable until there is room.
    fn handle(&mut self, errand: Option<Errand>) {
        let now = Instant::now();
        let Some(Errand { kind, done }) = errand else {
            // Nobody is left to say what to do.
            return self.leave(now);
        };
        match kind {
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
            ErrandKind::Add(lines) => {
                self.timetable.reserve(lines.len());
                for (line, after) in lines {
                    self.timetable.add(line, now, after);
                }
            }
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
            self.outbox.push(self.site.skipped(line, due.wall, SkipReason::ShuttingDown));
            self.outbox.send_all().await?;
        }
        // What had been waiting before, if nothing else came.
        self.outbox.send_all().await
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
