use std::collections::VecDeque;
use std::future::poll_fn;

use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use crate::Outcome;

/// How many outcomes of one router may wait for the receiver. When it is this far behind, nothing
/// new is begun; due times that pass meanwhile are accounted for when it has caught up. Checks that
/// are under way then still end, so that there may be as many more as the router has sessions.
const OUTBOX_MAX: usize = 32;

/// Outcomes on their way to the receiver.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: VecDeque<Outcome>,
    sender: PollSender<Outcome>,
}

/// The receiver is gone.
#[derive(Debug)]
pub(crate) struct ReceiverGone;

impl Outbox {
    pub(crate) fn new(sender: mpsc::Sender<Outcome>) -> Self {
        Self { waiting: VecDeque::new(), sender: PollSender::new(sender) }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < OUTBOX_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, outcome: Outcome) {
        self.waiting.push_back(outcome);
    }

    /// Sends the oldest outcome, or waits for ever if there is none, and fails as soon as the
    /// receiver is gone.
    ///
    /// Cancel safe: it keeps its place among the senders, and an outcome is taken out only when
    /// it is sent.
    pub(crate) async fn send_one(&mut self) -> Result<(), ReceiverGone> {
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

    pub(crate) async fn send_all(&mut self) -> Result<(), ReceiverGone> {
        while !self.waiting.is_empty() {
            self.send_one().await?;
        }
        Ok(())
    }
}
