//! Checks the lines of one router: one task, which alone decides what is begun when.

mod account;
mod asked;
mod end;
mod errand;
mod news;
mod run;
mod start;

use std::collections::VecDeque;
use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::capacity::Capacity;
use crate::check::Site;
use crate::due::Anchor;
use crate::held::Held;
use crate::outbox::Outbox;
use crate::pace::Pace;
use crate::state::{LineHealth, RouterHealth};
use crate::timetable::{Repeats, Timetable};
use crate::{Line, Outcome};

use asked::Lane;
pub(crate) use errand::{Errand, ErrandKind};
use run::Runs;

/// After so much time without anything to do, the wall clock is looked at: a machine that slept has
/// not counted that time in what it waits for, and lines would be late by it.
const CLOCK_LOOK: Duration = Duration::from_secs(60);

/// Checks the lines of one router.
#[derive(Debug)]
pub(crate) struct Worker {
    site: Arc<Site>,
    timetable: Timetable,
    runs: Runs,
    /// A session that a check has just left at its prompt. It is gone before the worker waits.
    held: Option<Box<Held>>,
    /// What is known of each line, by index.
    health: Vec<LineHealth>,
    router: RouterHealth,
    capacity: Capacity,
    pace: Pace,
    /// When to preload sessions, and the task that does.
    preload_at: Option<Instant>,
    preload: Option<AbortOnDropHandle<()>>,
    /// Lines whose state is in doubt, and when to look again; all after the same pause, so that
    /// the first is always the earliest. At most one for each line.
    rechecks: VecDeque<(Instant, usize, Arc<Line>)>,
    /// What somebody wants to be checked at once.
    asked: Lane,
    outbox: Outbox,
    /// Absent for a worker whose lines stay as they are, and that ends when it is done with them.
    inbox: Option<mpsc::Receiver<Errand>>,
}

/// Why a worker works no longer.
#[derive(Debug)]
enum Work {
    /// Nothing is left to do, or nobody wants to know.
    Done,
    /// What is under way is to be brought to an end.
    ShuttingDown,
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
        let pace = Pace::new(&site.router.rules);
        // What is checked once needs no session before or after that.
        let preload_at = if inbox.is_some() { site.preload_at(Instant::now()) } else { None };
        Self {
            site,
            timetable,
            runs: Runs::new(),
            held: None,
            health: Vec::new(),
            router,
            capacity: Capacity::new(Instant::now()),
            pace,
            preload_at,
            preload: None,
            rechecks: VecDeque::new(),
            asked: Lane::default(),
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
    ///
    /// # Panics
    ///
    /// By a mistake of ours, after everything that was due had its outcome.
    pub(crate) async fn run(mut self) {
        // What is in disorder then is not gone on with: it is only taken stock of.
        match AssertUnwindSafe(self.work()).catch_unwind().await {
            Ok(Work::Done) => {}
            Ok(Work::ShuttingDown) => self.shut_down().await,
            Err(panic) => {
                self.break_down().await;
                resume_unwind(panic);
            }
        }
    }

    async fn work(&mut self) -> Work {
        let shutdown = self.site.shutdown.clone();
        while !self.is_done() {
            self.realign();
            self.handle_due();
            self.start_preload();
            self.start_asked();
            self.start_checks();
            self.start_rechecks();
            // What nobody needs now goes back to the pool.
            self.held = None;
            self.judge_capacity();
            let (has_room, next_at) = (self.outbox.has_room(), self.next_at());
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Work::ShuttingDown,
                errand = next_errand(&mut self.inbox) => self.handle(errand),
                sent = self.outbox.send_one() => if sent.is_err() { return Work::Done },
                Some((run, ended)) = self.runs.next() => self.end(run, ended),
                () = wait_until(next_at), if has_room => {}
            }
        }
        Work::Done
    }

    /// When something is to be done next, or the clock to be looked at.
    fn next_at(&self) -> Option<Instant> {
        let now = Instant::now();
        let pace = self.pace.wait(now);
        let ready = pace.filter(|_| self.timetable.has_ready() || !self.asked.is_empty());
        let recheck = self.rechecks.front().map(|(at, ..)| pace.map_or(*at, |pace| pace.max(*at)));
        [self.timetable.next_at(), ready, recheck, self.asked.next_deadline(), self.preload_at]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.min(now + CLOCK_LOOK))
    }

    fn is_done(&self) -> bool {
        let is_idle = self.timetable.is_empty() && self.runs.is_empty();
        self.inbox.is_none() && is_idle && self.outbox.is_empty()
    }

    fn realign(&mut self) {
        if let Some(anchor) = self.timetable.anchor().jumped(&self.site.clock) {
            tracing::debug!(router = %self.site.router.name, "the wall clock has jumped");
            self.timetable.realign(anchor);
        }
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
