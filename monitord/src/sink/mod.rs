//! Where outcomes go. One bounded channel brings them; each sink takes every one of them without
//! waiting, so that no sink can hold up another, or the checks.
//!
//! Sinks that must have every outcome take them from the spool, at their own pace.

pub(crate) mod file;
mod spooled;
mod stdout;
pub(crate) mod zabbix;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use pool_core::Context;
use scheduler::Outcome;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::metrics::Metrics;

pub(crate) use spooled::{Prepared, SpooledSinks};
pub(crate) use stdout::StdoutSink;

/// How many outcomes may be on their way to the sinks. The fan-out never waits, so this only
/// covers moments in which its task is not scheduled.
pub(crate) const OUTCOMES_MAX: usize = 1024;

/// Takes outcomes out of the process.
#[async_trait]
pub(crate) trait Sink: Debug + Send {
    /// Takes an outcome. Never waits: what cannot be delivered at once is queued within a bound,
    /// and what does not fit there is counted and said.
    fn accept(&mut self, outcome: &Arc<Outcome>);

    /// Delivers what is queued, as far as that can be done within `ctx`, and says what could not.
    async fn finish(self: Box<Self>, ctx: &Context);
}

/// Delivers what is in the spool.
#[async_trait]
pub(crate) trait DurableSink: Debug + Send {
    /// Delivers what is there, as far as that can be done within `ctx`, and says what could not:
    /// it is kept when `is_durable`, and lost otherwise.
    async fn finish(self: Box<Self>, ctx: &Context, is_durable: bool);

    /// Ends without delivering what is there: another takes over at the same place.
    async fn leave(self: Box<Self>);
}

/// Hands each outcome to the board, the metrics and every sink, until the channel ends,
/// or until it is empty once `stop` is cancelled. Returns the sinks, to be finished.
pub(crate) async fn fan_out(
    mut outcomes: mpsc::Receiver<Outcome>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    mut sinks: Vec<Box<dyn Sink>>,
    stop: CancellationToken,
) -> Vec<Box<dyn Sink>> {
    while let Some(outcome) = next(&mut outcomes, &stop).await {
        let outcome = Arc::new(outcome);
        metrics.observe(&outcome);
        board.record(&outcome);
        for sink in &mut sinks {
            sink.accept(&outcome);
        }
    }
    sinks
}

async fn next(outcomes: &mut mpsc::Receiver<Outcome>, stop: &CancellationToken) -> Option<Outcome> {
    tokio::select! {
        biased;
        outcome = outcomes.recv() => outcome,
        () = stop.cancelled() => None,
    }
}

/// Finishes every sink at the same time.
pub(crate) async fn finish(sinks: Vec<Box<dyn Sink>>, ctx: &Context) {
    let mut finishing = JoinSet::new();
    for sink in sinks {
        let ctx = ctx.clone();
        finishing.spawn(async move { sink.finish(&ctx).await });
    }
    finishing.join_all().await;
}
