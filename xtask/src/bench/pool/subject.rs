use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A pool under measurement.
pub(super) trait Subject: Send + Sync + 'static {
    /// What somebody who acquires brings along.
    type Caller: Send + Sync;
    /// A connection on loan. It goes back when it is dropped.
    type Held<'a>: Send
    where
        Self: 'a;

    /// A pool of up to `slots` connections, made inside a runtime.
    fn new(slots: usize) -> Self;

    fn caller(&self) -> Self::Caller;

    fn acquire<'a>(
        &'a self,
        caller: &'a Self::Caller,
    ) -> impl Future<Output = Self::Held<'a>> + Send;
}

/// Takes all connections at once and gives them back, so that all of them are made.
pub(super) async fn fill<S: Subject>(subject: &S, slots: usize) {
    let caller = subject.caller();
    let mut held = Vec::new();
    for _ in 0..slots {
        held.push(subject.acquire(&caller).await);
    }
}

/// The least that can be called a pool: a permit, and a list to take from. No deadline, nothing
/// counted, nothing that could be lost and made again.
pub(super) struct Floor {
    permits: Semaphore,
    idle: Mutex<Vec<u64>>,
}

pub(super) struct Taken<'a> {
    idle: &'a Mutex<Vec<u64>>,
    connection: u64,
    /// Dropped last: whoever gets the permit must find the connection.
    _permit: SemaphorePermit<'a>,
}

impl Subject for Floor {
    type Caller = ();
    type Held<'a> = Taken<'a>;

    fn new(slots: usize) -> Self {
        let idle = (0..).take(slots).collect();
        Self { permits: Semaphore::new(slots), idle: Mutex::new(idle) }
    }

    fn caller(&self) {}

    async fn acquire<'a>(&'a self, (): &'a ()) -> Taken<'a> {
        let permit = self.permits.acquire().await.expect("it is never closed");
        let connection = self.idle.lock().pop().expect("there are as many as permits");
        Taken { idle: &self.idle, connection, _permit: permit }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.idle.lock().push(self.connection);
    }
}
