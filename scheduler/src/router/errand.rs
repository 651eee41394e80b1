use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Worker;
use crate::Line;
use crate::check::Site;
use crate::check_now::Wish;
use crate::timetable::Withdrawn;

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
    /// Lines that somebody wants to be checked at once.
    Check(Vec<Wish>),
    /// Lines that are new here; those that were elsewhere until then with the moment at which they
    /// left.
    Add(Vec<(Arc<Line>, Option<Instant>)>),
}

impl Worker {
    /// Does what the supervisor wants. It is never put off, so that it can be waited for: what an
    /// errand leaves to be accounted for waits in the timetable until there is room.
    pub(super) fn handle(&mut self, errand: Option<Errand>) {
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
            ErrandKind::Check(wishes) => self.ask(wishes),
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
        (self.preload_at, self.preload) = (None, None);
    }

    /// A line that is gone is not worth a session any longer: its check is cut off.
    fn withdraw(&mut self, index: usize, now: Instant) {
        self.asked.remove(index);
        if self.timetable.withdraw(index, now) == Withdrawn::Running {
            self.runs.abort(index);
        }
    }

    /// Checks that have a session end on it. Those that wait for one begin again.
    fn replace_site(&mut self, site: Arc<Site>) {
        let old = std::mem::replace(&mut self.site, site);
        old.superseded.cancel();
        self.pace.change(&self.site.router.rules);
        let (was, is) = (&old.router.connection, &self.site.router.connection);
        if was != is {
            // Otherwise the pool takes the new settings over when it is asked for with them.
            if !was.makes_the_same_sessions_as(is) {
                old.pools.retire(&old.router.name);
            }
            self.preload = None;
            self.preload_at = self.site.preload_at(Instant::now());
        }
    }
}
