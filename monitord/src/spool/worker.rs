use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::store::Store;
use super::{Held, Lane, Record, Terms};

/// How long the first record of a commit waits for others. A commit costs the disk the same
/// for one as for hundreds.
const LINGER: Duration = Duration::from_millis(20);
/// With so many records a commit does not wait any longer.
const COMMIT_RECORDS_MAX: usize = 512;
/// How often age and size are looked at.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(1);

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Command {
    /// Keep this.
    Append(Record),
    /// Something by or for a sink.
    Sink { sink: usize, request: Request },
    /// Keep records by these terms from now on, and say when it is done, if somebody waits for that.
    Keep(Terms, Option<oneshot::Sender<()>>),
    /// Say when all that came before is written, or cannot be.
    Flush(oneshot::Sender<()>),
    /// Write what there is, and end.
    Stop(oneshot::Sender<()>),
}

/// What a sink asks for.
#[derive(Debug)]
pub(super) enum Request {
    Read { lane: Lane, max: usize, reply: oneshot::Sender<Vec<Record>> },
    ReadLine { line: String, from: u64, max: usize, reply: oneshot::Sender<Vec<Record>> },
    Held { reply: oneshot::Sender<Vec<Held>> },
    Pending { reply: oneshot::Sender<u64> },
    Settle { lane: Lane, through: u64 },
    Hold(Held),
    Release { line: String, item: String },
}

/// The owner of the store. Runs on a thread of its own, because every call of the store blocks.
#[derive(Debug)]
pub(super) struct Worker {
    store: Store,
    heads: watch::Sender<u64>,
    /// When the next commit is due, if something waits for one.
    commit_due: Option<Instant>,
}

impl Worker {
    pub(super) fn new(store: Store, heads: watch::Sender<u64>) -> Self {
        Self { store, heads, commit_due: None }
    }

    /// Serves until it is told to stop, or everyone has gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut maintenance = Instant::now();
        loop {
            let due = self.commit_due.map_or(maintenance, |due| Ord::min(due, maintenance));
            let command = tokio::select! {
                command = commands.recv() => command,
                () = sleep_until(due) => {
                    self.commit_if_due();
                    if Instant::now() >= maintenance {
                        self.store.maintain(Timestamp::now());
                        // What is left to be trimmed goes bit by bit, without new records too.
                        self.commit();
                        maintenance = Instant::now() + MAINTENANCE_INTERVAL;
                    }
                    continue;
                }
            };
            match command {
                Some(Command::Stop(done)) => {
                    self.commit();
                    drop(self);
                    answer(done, ());
                    return;
                }
                Some(command) => self.handle(command),
                None => return self.commit(),
            }
            self.commit_if_due();
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Append(record) => {
                self.store.append(record);
                self.commit_soon();
            }
            Command::Sink { sink, request } => self.serve(sink, request),
            Command::Keep(Terms { names, bounds }, done) => {
                self.store.set_bounds(bounds);
                self.store.want(&names);
                self.commit();
                if let Some(done) = done {
                    answer(done, ());
                }
            }
            Command::Flush(done) => {
                self.commit();
                answer(done, ());
            }
            Command::Stop(_) => unreachable!("the loop ends with it"),
        }
    }

    fn serve(&mut self, sink: usize, request: Request) {
        let store = &mut self.store;
        match request {
            Request::Read { lane, max, reply } => {
                answer(reply, store.read(sink, lane, max));
                return;
            }
            Request::ReadLine { line, from, max, reply } => {
                answer(reply, store.read_line(&line, from, max));
                return;
            }
            Request::Held { reply } => {
                answer(reply, store.held(sink));
                return;
            }
            Request::Pending { reply } => {
                answer(reply, store.pending(sink));
                return;
            }
            Request::Settle { lane, through } => store.settle(sink, lane, through),
            Request::Hold(held) => store.hold(sink, held),
            Request::Release { line, item } => store.release(sink, &line, &item),
        }
        self.commit_soon();
    }

    fn commit_soon(&mut self) {
        self.commit_due.get_or_insert_with(|| Instant::now() + LINGER);
    }

    fn commit_if_due(&mut self) {
        let full = self.store.unwritten() >= COMMIT_RECORDS_MAX;
        if self.commit_due.is_some_and(|due| full || Instant::now() >= due) {
            self.commit();
        }
    }

    fn commit(&mut self) {
        self.commit_due = None;
        self.store.commit(Instant::now());
        let head = self.store.head();
        self.heads.send_if_modified(|known| std::mem::replace(known, head) != head);
    }
}

/// Whoever asked may not wait for the answer any more, and has lost nothing then.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}
