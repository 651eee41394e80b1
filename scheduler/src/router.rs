use std::collections::{HashMap, VecDeque};
use std::future::{pending, poll_fn};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::PollSender;

use jiff::Timestamp;

use crate::check::Site;
use crate::due::{Anchor, Due, Rhythm};
use crate::timetable::{Step, Timetable};
use crate::{CheckResult, Failure, FailureKind, Line, Outcome, SkipReason};

/// How many outcomes of one router may wait for the receiver. When it is this far behind, nothing
/// new is begun; due times that pass meanwhile are accounted for when it has caught up.
const OUTBOX_MAX: usize = 32;

/// Whether lines are checked at their intervals or just once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each at its interval, until shutdown.
    Schedule,
    /// Each exactly once, now.
    Once,
}

/// Checks the lines of one router.
#[derive(Debug)]
pub(crate) struct Worker {
    site: Arc<Site>,
    lines: Arc<[Arc<Line>]>,
    timetable: Timetable,
    running: JoinSet<Outcome>,
    /// What the tasks in `running` are about, for those that panic.
    runs: HashMap<Id, Run>,
    outbox: Outbox,
}

#[derive(Debug)]
struct Run {
    line: usize,
    due: Due,
    started_at: Timestamp,
    began: Instant,
}

/// Outcomes on their way to the receiver.
#[derive(Debug)]
struct Outbox {
    waiting: VecDeque<Outcome>,
    sender: PollSender<Outcome>,
}

/// The receiver is gone.
struct ReceiverGone;

impl Worker {
    pub(crate) fn new(
        site: Arc<Site>,
        lines: Arc<[Arc<Line>]>,
        mode: Mode,
        outcomes: mpsc::Sender<Outcome>,
    ) -> Self {
        let rhythm = |line: &Arc<Line>| (mode == Mode::Schedule).then(|| Rhythm::of(line));
        let timetable = Timetable::new(Anchor::now(&site.clock), lines.iter().map(rhythm));
        let outbox = Outbox { waiting: VecDeque::new(), sender: PollSender::new(outcomes) };
        let (running, runs) = (JoinSet::new(), HashMap::new());
        Self { site, lines, timetable, running, runs, outbox }
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
                sent = self.outbox.send_one() => if sent.is_err() { return },
                Some(ended) = self.running.join_next_with_id(), if has_room => self.end(ended),
                () = wait_until(self.timetable.next_at()), if has_room => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        self.timetable.is_empty() && self.running.is_empty() && self.outbox.waiting.is_empty()
    }

    fn realign(&mut self) {
        if let Some(anchor) = self.timetable.anchor().jumped(&self.site.clock) {
            tracing::warn!(router = %self.site.router.name, "the wall clock has jumped");
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
        if let Step::Skipped(line, due) = step {
            let line = &self.lines[line];
            self.outbox.push(self.site.skipped(line, due.wall, SkipReason::Overrun));
        }
    }

    fn start_checks(&mut self) {
        let checks_max = self.site.router.connection.max_connections.max(1);
        while self.outbox.has_room()
            && self.running.len() < checks_max
            && let Some((index, due)) = self.timetable.start()
        {
            let (site, line) = (self.site.clone(), self.lines[index].clone());
            let run = Run { line: index, due, started_at: site.clock.now(), began: Instant::now() };
            let task = self.running.spawn(async move { site.check(&line, due.wall).await });
            self.runs.insert(task.id(), run);
        }
    }

    /// Takes in a check that has ended, in whatever way.
    fn end(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let run = self.runs.remove(&id).expect("each task is noted when it is started");
        self.timetable.end(run.line, Instant::now());
        let outcome = match ended {
            Ok((_, outcome)) => outcome,
            Err(error) => self.broken_off(&run, &error),
        };
        self.outbox.push(outcome);
    }

    /// The outcome of a check that did not come to its own end.
    fn broken_off(&self, run: &Run, error: &JoinError) -> Outcome {
        let line = &self.lines[run.line];
        let skipped = self.site.skipped(line, run.due.wall, SkipReason::ShuttingDown);
        if error.is_cancelled() {
            return skipped;
        }
        tracing::error!(router = %self.site.router.name, line = %line.id, "a check panicked");
        let message = "the check panicked; the message is in the log".to_owned();
        let failure = Failure { kind: FailureKind::Panicked, phase: None, message, io: None };
        Outcome {
            started_at: Some(run.started_at),
            duration: run.began.elapsed(),
            result: CheckResult::Failed(failure),
            ..skipped
        }
    }

    /// Brings every due time that has come to its outcome: checks that have ended are delivered,
    /// those in flight are cancelled, and those that wait are not begun.
    async fn shut_down(mut self) {
        let now = Instant::now();
        while let Some(ended) = self.running.join_next_with_id().await {
            self.end(ended);
            if self.outbox.send_all().await.is_err() {
                return;
            }
        }
        while let Some(step) = self.timetable.step(now) {
            self.note(step);
            if self.outbox.send_all().await.is_err() {
                return;
            }
        }
        while let Some((line, due)) = self.timetable.start() {
            let skipped = self.site.skipped(&self.lines[line], due.wall, SkipReason::ShuttingDown);
            self.outbox.push(skipped);
            if self.outbox.send_all().await.is_err() {
                return;
            }
        }
        // What had been waiting before, if nothing else came.
        self.outbox.send_all().await.ok();
    }
}

impl Outbox {
    fn has_room(&self) -> bool {
        self.waiting.len() < OUTBOX_MAX
    }

    fn push(&mut self, outcome: Outcome) {
        self.waiting.push_back(outcome);
    }

    /// Sends the oldest outcome, or waits for ever if there is none, and fails as soon as the
    /// receiver is gone.
    ///
    /// Cancel safe: it keeps its place among the senders, and an outcome is taken out only when
    /// it is sent.
    async fn send_one(&mut self) -> Result<(), ReceiverGone> {
        if self.waiting.is_empty() {
            let Some(sender) = self.sender.get_ref() else { return Err(ReceiverGone) };
            sender.closed().await;
            return Err(ReceiverGone);
        }
        poll_fn(|cx| self.sender.poll_reserve(cx)).await.map_err(|_| ReceiverGone)?;
        match self.waiting.pop_front() {
            Some(outcome) => self.sender.send_item(outcome).map_err(|_| ReceiverGone),
            None => Ok(()),
        }
    }

    async fn send_all(&mut self) -> Result<(), ReceiverGone> {
        while !self.waiting.is_empty() {
            self.send_one().await?;
        }
        Ok(())
    }
}

async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
