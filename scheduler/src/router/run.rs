use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::asked::Asked;
use crate::check::{Ended, Site};
use crate::due::Due;
use crate::{Line, Trigger};

/// One check that is under way.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) index: usize,
    pub(super) line: Arc<Line>,
    pub(super) site: Arc<Site>,
    pub(super) due: Due,
    pub(super) trigger: Trigger,
    /// Who else wants to know how it ends.
    pub(super) asked: Option<Asked>,
    pub(super) started_at: Timestamp,
    pub(super) began: Instant,
}

/// The checks that are under way, each a task of its own, so that one that panics harms no other.
#[derive(Debug)]
pub(super) struct Runs {
    tasks: JoinSet<Ended>,
    /// What the tasks are about.
    runs: HashMap<Id, (Run, AbortHandle)>,
}

impl Runs {
    pub(super) fn new() -> Self {
        Self { tasks: JoinSet::new(), runs: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn spawn(&mut self, run: Run, check: impl Future<Output = Ended> + Send + 'static) {
        let task = self.tasks.spawn(check);
        self.runs.insert(task.id(), (run, task));
    }

    /// The next check that has ended, in whatever way; none when none is under way.
    ///
    /// Cancel safe: a check is taken out only when it is returned.
    pub(super) async fn next(&mut self) -> Option<(Run, Result<Ended, JoinError>)> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let (run, _) = self.runs.remove(&id).expect("each task is noted when it is started");
        Some((run, ended.map(|(_, ended)| ended)))
    }

    /// Cuts off everything that is under way, and says what that was.
    pub(super) fn take_all(&mut self) -> Vec<Run> {
        self.tasks.abort_all();
        std::mem::take(&mut self.runs).into_values().map(|(run, _)| run).collect()
    }

    /// Cuts off what is under way for the line of this index.
    pub(super) fn abort(&self, index: usize) {
        let meant = self.runs.values().filter(|(run, _)| run.index == index);
        meant.for_each(|(_, task)| task.abort());
    }
}
