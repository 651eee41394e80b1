use std::sync::Arc;
use std::time::Duration;

use pool_core::Context;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::worker::Command;
use super::{Spool, SpoolSettings};

/// Whom outcomes are kept for, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The names of the sinks.
    pub(crate) names: Vec<&'static str>,
    /// How much, and for how long. The directory of a spool that is there stays what it is.
    pub(crate) bounds: SpoolSettings,
}

/// The spool's thread is at something else, which a disk that stands still makes last, or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the spool's disk did not answer within {0:.0?}")]
pub(crate) struct NoAnswer(pub(crate) Duration);

/// Other terms for the spool, of which nothing is left that could fail. Dropped without having been
/// made, it leaves everything as it was.
#[derive(Debug)]
pub(crate) struct Change {
    spool: Arc<Spool>,
    after: Terms,
    /// The place of the last word, held so that it can be said whatever happens. None is needed by a
    /// change that changes nothing.
    permit: Option<OwnedPermit<Command>>,
    /// Whether outcomes are kept already for those that are new.
    has_begun: bool,
}

impl Spool {
    /// Prepares to keep outcomes by the terms `after`. For sinks that are new it does so from now on:
    /// they begin with what comes next. For one change at a time.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`] when the thread has not done it within `ctx`. Nothing has changed then, or will
    /// be undone before anything else is done.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as if it had failed.
    pub(crate) async fn change(
        self: &Arc<Self>,
        ctx: &Context,
        after: Terms,
    ) -> Result<Change, NoAnswer> {
        let patience = ctx.remaining();
        let answered = timeout(patience, self.begin(after)).await;
        answered.ok().flatten().ok_or(NoAnswer(patience))
    }

    /// `None` when the thread has ended.
    async fn begin(self: &Arc<Self>, after: Terms) -> Option<Change> {
        let before = self.terms.lock().clone();
        // What changes nothing needs no disk that answers.
        let permit = if before == after { None } else { Some(self.place().await?) };
        let mut change = Change { spool: self.clone(), after, permit, has_begun: false };
        let wanted = change.after.names.iter().filter(|name| !before.names.contains(name));
        let fresh: Vec<_> = wanted.copied().collect();
        if !fresh.is_empty() {
            let place = self.place().await?;
            self.know(&fresh);
            let names = [before.names, fresh].concat();
            let (done, is_done) = oneshot::channel();
            change.has_begun = true;
            place.send(Command::Keep(Terms { names, ..before }, Some(done)));
            is_done.await.ok()?;
        }
        Some(change)
    }

    /// A place for a command, which is then sent without waiting.
    async fn place(&self) -> Option<mpsc::OwnedPermit<Command>> {
        self.commands.clone().reserve_owned().await.ok()
    }

    /// Gives each sink that is new its place, by which its reader calls it, in the order in which the
    /// thread does.
    fn know(&self, fresh: &[&'static str]) {
        let mut names = self.names.lock();
        for name in fresh {
            if !names.contains(name) {
                names.push(name);
            }
        }
    }
}

impl Change {
    /// Makes it: what a sink that is gone had not taken is dropped. Waits for nothing.
    pub(crate) fn make(mut self) {
        *self.spool.terms.lock() = self.after.clone();
        let after = self.after.clone();
        self.say(after);
    }

    fn say(&mut self, terms: Terms) {
        if let Some(permit) = self.permit.take() {
            permit.send(Command::Keep(terms, None));
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.has_begun {
            let before = self.spool.terms.lock().clone();
            self.say(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::report::testing::measured;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn terms(names: &[&'static str]) -> Terms {
        let (directory, age_max, bytes_max) =
            (None, Duration::from_secs(86_400 * 365_000), 1 << 30);
        Terms { names: names.to_vec(), bounds: SpoolSettings { directory, age_max, bytes_max } }
    }

    /// A spool for "one", whose thread stands still until the other is spawned.
    fn spool() -> (Arc<Spool>, impl Future<Output = ()> + Send) {
        let Terms { names, bounds } = terms(&["one"]);
        let (spool, work) = Spool::open(&bounds, names, Arc::default()).unwrap();
        (Arc::new(spool), work)
    }

    async fn change(spool: &Arc<Spool>, names: &[&'static str]) -> Result<Change, NoAnswer> {
        spool.change(&Context::detached(PATIENCE), terms(names)).await
    }

    /// How many outcomes wait for each of both.
    async fn waiting(spool: &Spool) -> [u64; 2] {
        let one = spool.reader("one").pending().await.unwrap();
        [one, spool.reader("two").pending().await.unwrap()]
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_gets_no_answer_is_undone_before_anything_else_is_done() {
        let (spool, work) = spool();
        let refused = change(&spool, &["one", "two"]).await.map(drop);
        assert_eq!(refused, Err(NoAnswer(PATIENCE)));
        spool.append(&measured("L1"));
        let _work = AbortOnDropHandle::new(tokio::spawn(work));
        change(&spool, &["one", "two"]).await.unwrap().make();
        assert_eq!(waiting(&spool).await, [1, 0], "what came in between is for one alone");
        spool.append(&measured("L1"));
        assert_eq!(waiting(&spool).await, [2, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_is_not_made_leaves_everything_as_it_was() {
        let (spool, work) = spool();
        let _work = AbortOnDropHandle::new(tokio::spawn(work));
        spool.append(&measured("L1"));
        let to_two = change(&spool, &["two"]).await.unwrap();
        spool.append(&measured("L1"));
        assert_eq!(waiting(&spool).await, [2, 1], "two begins when it is prepared");
        drop(to_two);
        change(&spool, &["one", "two"]).await.unwrap().make();
        assert_eq!(waiting(&spool).await, [2, 0]);
        change(&spool, &["two"]).await.unwrap().make();
        assert_eq!(waiting(&spool).await, [0, 0], "one is gone, with what it had not taken");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_nothing_needs_no_answer() {
        let (spool, _work) = spool();
        change(&spool, &["one"]).await.unwrap().make();
    }
}
