use async_trait::async_trait;
use pool_core::{Context, Protocol, ProtocolDriver, Request, Result, Transcript};

use super::TakenSeats;
use crate::shared::Session;

/// A session with the seats that it takes. They are free once the session is gone: after its
/// farewell, or when it is cut.
#[derive(Debug)]
pub(super) struct Seated {
    // Dropped first: the seats are free once the session is gone.
    session: Session,
    seats: TakenSeats,
}

impl Seated {
    pub(super) fn new(session: Session, seats: TakenSeats) -> Self {
        Self { session, seats }
    }
}

#[async_trait]
impl ProtocolDriver for Seated {
    fn protocol(&self) -> Protocol {
        self.session.protocol()
    }

    async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript> {
        self.session.execute(ctx, request).await
    }

    async fn health_check(&mut self, ctx: &Context) -> Result<()> {
        self.session.health_check(ctx).await
    }

    async fn close(self: Box<Self>, ctx: &Context) -> Result<()> {
        let Self { session, seats } = *self;
        let result = session.close(ctx).await;
        drop(seats);
        result
    }
}
