use std::sync::Arc;

use async_trait::async_trait;
use pool_core::Context;
use scheduler::Outcome;
use tokio::io::{AsyncWriteExt, stdout};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::warn;

use super::Sink;
use crate::metrics::StdoutMetrics;
use crate::report::outcome_line;

/// How many outcomes wait for a slow reader: several rounds of a large inventory, in a few MB.
const QUEUE_OUTCOMES_MAX: usize = 10_000;
/// A reader that stopped reading loses outcomes one by one. One warning for so many is enough.
const DROPPED_PER_WARNING: u64 = 1000;

/// Writes outcomes to standard output, as JSON Lines.
#[derive(Debug)]
pub(crate) struct StdoutSink {
    queue: mpsc::Sender<Arc<Outcome>>,
    task: JoinHandle<()>,
    metrics: Arc<StdoutMetrics>,
}

impl StdoutSink {
    /// Starts writing.
    pub(crate) fn start(metrics: Arc<StdoutMetrics>) -> Self {
        let (queue, outcomes) = mpsc::channel(QUEUE_OUTCOMES_MAX);
        Self { queue, task: tokio::spawn(write(outcomes)), metrics }
    }
}

#[async_trait]
impl Sink for StdoutSink {
    fn accept(&mut self, outcome: &Arc<Outcome>) {
        if self.queue.try_send(outcome.clone()).is_err() {
            let so_far = self.metrics.dropped.inc();
            if so_far.is_multiple_of(DROPPED_PER_WARNING) {
                warn!(dropped_total = so_far + 1, "nobody reads standard output: outcomes dropped");
            }
        }
    }

    async fn finish(self: Box<Self>, ctx: &Context) {
        let Self { queue, task, .. } = *self;
        let left = queue.max_capacity() - queue.capacity();
        drop(queue);
        if tokio::time::timeout(ctx.remaining(), task).await.is_err() {
            warn!(outcomes = left, "stopping: not written to standard output, and lost");
        }
    }
}

/// Ends when the queue does, or when nobody reads any more.
async fn write(mut outcomes: mpsc::Receiver<Arc<Outcome>>) {
    let mut stdout = stdout();
    while let Some(outcome) = outcomes.recv().await {
        let line = outcome_line(&outcome);
        let written = stdout.write_all(line.as_bytes()).await;
        if let Err(error) = written.and(stdout.flush().await) {
            warn!(%error, "standard output cannot be written: outcomes no longer go there");
            return;
        }
    }
}
