use tokio::sync::{mpsc, oneshot, watch};

use super::worker::{Command, Request};
use super::{Held, Lane, Record};

/// A sink's view of the spool. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SpoolReader {
    pub(super) sink: usize,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) heads: watch::Receiver<u64>,
}

/// The spool's thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl SpoolReader {
    /// Up to `max` records that are next in `lane`, oldest first; none when there are none. They
    /// come again until they are settled. For one task per lane.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn read(&self, lane: Lane, max: usize) -> Result<Vec<Record>, Closed> {
        self.ask(|reply| Request::Read { lane, max, reply }).await
    }

    /// Up to `max` records of `line` from `from` on.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn read_line(
        &self,
        line: &str,
        from: u64,
        max: usize,
    ) -> Result<Vec<Record>, Closed> {
        self.ask(|reply| Request::ReadLine { line: line.to_owned(), from, max, reply }).await
    }

    /// What is held for this sink.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    pub(crate) async fn held(&self) -> Result<Vec<Held>, Closed> {
        self.ask(|reply| Request::Held { reply }).await
    }

    /// Waits until `lane` may have more than it had.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn changed(&mut self) -> Result<(), Closed> {
        self.heads.changed().await.map_err(|_| Closed)
    }

    /// Everything in `lane` up to `through` is delivered, held, or not for this sink. Durable with
    /// the next commit; until then a crash makes it come again.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    pub(crate) async fn settle(&self, lane: Lane, through: u64) -> Result<(), Closed> {
        self.tell(Request::Settle { lane, through }).await
    }

    /// The values of an item are kept, although what they are in gets settled.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    pub(crate) async fn hold(&self, held: Held) -> Result<(), Closed> {
        self.tell(Request::Hold(held)).await
    }

    /// All values of an item that were held are delivered.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    pub(crate) async fn release(&self, line: &str, item: &str) -> Result<(), Closed> {
        self.tell(Request::Release { line: line.to_owned(), item: item.to_owned() }).await
    }

    /// How many records are not settled.
    ///
    /// # Errors
    ///
    /// When the spool has ended.
    pub(crate) async fn pending(&self) -> Result<u64, Closed> {
        self.ask(|reply| Request::Pending { reply }).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Closed> {
        let (reply, answer) = oneshot::channel();
        self.tell(request(reply)).await?;
        answer.await.map_err(|_| Closed)
    }

    async fn tell(&self, request: Request) -> Result<(), Closed> {
        let command = Command::Sink { sink: self.sink, request };
        self.commands.send(command).await.map_err(|_| Closed)
    }
}
