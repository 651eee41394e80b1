use std::convert::Infallible;

use bb8::ManageConnection;
use deadpool::managed::{Manager, Metrics, Object, RecycleResult, Timeouts};

use super::ours::DEADLINE;
use super::subject::Subject;

/// Makes connections at once, of nothing, for both peers.
pub(super) struct Toy;

impl Manager for Toy {
    type Type = ();
    type Error = Infallible;

    async fn create(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn recycle(&self, (): &mut (), _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

impl ManageConnection for Toy {
    type Connection = ();
    type Error = Infallible;

    async fn connect(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn is_valid(&self, (): &mut ()) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, (): &mut ()) -> bool {
        false
    }
}

/// deadpool as it comes: nobody has a deadline.
pub(super) struct Deadpool(deadpool::managed::Pool<Toy>);

impl Subject for Deadpool {
    type Caller = ();
    type Held<'a> = Object<Toy>;

    fn new(slots: usize) -> Self {
        Self(deadpool(slots, Timeouts::new()))
    }

    fn caller(&self) {}

    async fn acquire<'a>(&'a self, (): &'a ()) -> Object<Toy> {
        self.0.get().await.unwrap_or_else(|_| panic!("deadpool failed"))
    }
}

/// deadpool with each of its deadlines on, which is what ours has.
pub(super) struct DeadpoolTimed(deadpool::managed::Pool<Toy>);

impl Subject for DeadpoolTimed {
    type Caller = ();
    type Held<'a> = Object<Toy>;

    fn new(slots: usize) -> Self {
        let timeout = Some(DEADLINE);
        Self(deadpool(slots, Timeouts { wait: timeout, create: timeout, recycle: timeout }))
    }

    fn caller(&self) {}

    async fn acquire<'a>(&'a self, (): &'a ()) -> Object<Toy> {
        self.0.get().await.unwrap_or_else(|_| panic!("deadpool failed"))
    }
}

fn deadpool(slots: usize, timeouts: Timeouts) -> deadpool::managed::Pool<Toy> {
    deadpool::managed::Pool::builder(Toy)
        .max_size(slots)
        .timeouts(timeouts)
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .expect("a runtime is named, so timeouts are possible")
}

/// bb8, which always has a deadline. It does not test connections before it lends them, as ours
/// does not when they were just in use.
pub(super) struct Bb8(bb8::Pool<Toy>);

impl Subject for Bb8 {
    type Caller = ();
    type Held<'a> = bb8::PooledConnection<'a, Toy>;

    fn new(slots: usize) -> Self {
        let slots = u32::try_from(slots).expect("there are few slots");
        let builder = bb8::Pool::builder().max_size(slots).test_on_check_out(false);
        Self(builder.connection_timeout(DEADLINE).build_unchecked(Toy))
    }

    fn caller(&self) {}

    async fn acquire<'a>(&'a self, (): &'a ()) -> bb8::PooledConnection<'a, Toy> {
        self.0.get().await.unwrap_or_else(|_| panic!("bb8 failed"))
    }
}
