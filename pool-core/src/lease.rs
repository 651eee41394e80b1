use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use crate::{Context, DiscardReason, Protocol, ProtocolDriver, Request, Result, Transcript};

/// The identity of a session within its pool. Never used twice by one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u64);

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What is to become of a session that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is where its last command left it, at its prompt: lend it again.
    Reuse,
    /// It must be closed.
    Discard(DiscardReason),
}

/// Where a lease goes back to. Implemented by pools.
pub trait LeaseHome: Debug + Send + Sync {
    /// Takes a session back. Called once per lease, from `Drop`: it must not block, must not
    /// panic, and must work outside a runtime.
    fn give_back(
        self: Arc<Self>,
        slot: SlotId,
        driver: Box<dyn ProtocolDriver>,
        disposition: Disposition,
        used: LeaseUse,
    );

    /// Hears that a session is not coming back: whoever held it keeps it. Does nothing by default.
    fn taken(self: Arc<Self>, slot: SlotId) {
        let SlotId(_) = slot;
    }
}

/// What was done with a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseUse {
    /// Requests that were begun.
    pub requests: u32,
    /// Requests that failed.
    pub failed: u32,
}

/// How a lease came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Whether the session had been lent before.
    pub reused: bool,
    /// From asking to getting, the making of the session included if it was waited for.
    pub waited: Duration,
    /// How long making the session took, if this lease waited for that.
    pub connect: Option<Duration>,
}

/// A session on loan. Dropping it gives it back, at once and without blocking.
///
/// It is lent again only if every command that was started on it came to its end: a command that
/// is dropped, cancelled or timed out, an error that
/// [breaks the connection](crate::Error::breaks_connection), and a holder that panics all mean
/// that the session is closed instead.
pub struct Lease {
    session: Option<Session>,
    slot: SlotId,
    info: LeaseInfo,
    disposition: Disposition,
    used: LeaseUse,
}

struct Session {
    driver: Box<dyn ProtocolDriver>,
    home: Arc<dyn LeaseHome>,
}

impl Lease {
    /// Lends `driver`, to be given back to `home`. For pools.
    #[inline]
    pub fn new(
        driver: Box<dyn ProtocolDriver>,
        home: Arc<dyn LeaseHome>,
        slot: SlotId,
        info: LeaseInfo,
    ) -> Self {
        let session = Some(Session { driver, home });
        Self { session, slot, info, disposition: Disposition::Reuse, used: LeaseUse::default() }
    }

    /// The identity of the session within its pool.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// How the lease came about.
    pub fn info(&self) -> LeaseInfo {
        self.info
    }

    /// How commands reach the device.
    pub fn protocol(&self) -> Protocol {
        self.session().driver.protocol()
    }

    /// Runs `request` on the session.
    ///
    /// # Errors
    ///
    /// As [`ProtocolDriver::execute`]. A lease that has seen an error that breaks the connection
    /// must be dropped; a further `execute` would run on a session in an unknown state.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing hanging, and marks the session to be closed.
    pub async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript> {
        let before = self.disposition;
        // Dirty until proven clean: if the future is dropped at its await, this stands.
        self.disposition = Disposition::Discard(DiscardReason::CutShort);
        self.used.requests = self.used.requests.saturating_add(1);
        let result = self.session_mut().driver.execute(ctx, request).await;
        self.used.failed = self.used.failed.saturating_add(u32::from(result.is_err()));
        self.disposition = match &result {
            Ok(_) => before,
            Err(error) if !error.breaks_connection() => before,
            Err(error) => Disposition::Discard(discard_reason(error)),
        };
        result
    }

    /// Makes sure that the session is closed and not lent again.
    pub fn discard(&mut self) {
        self.disposition = Disposition::Discard(DiscardReason::Unwanted);
    }

    /// Keeps the session for good. The pool forgets it, and may make another in its place; the
    /// device still counts it, so close it soon.
    pub fn into_driver(mut self) -> Box<dyn ProtocolDriver> {
        let session = self.session.take();
        let Session { driver, home } =
            session.expect("a lease has its session until it is dropped");
        home.taken(self.slot);
        driver
    }

    fn session(&self) -> &Session {
        self.session.as_ref().expect("a lease has its session until it is dropped")
    }

    fn session_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("a lease has its session until it is dropped")
    }
}

fn discard_reason(error: &crate::Error) -> DiscardReason {
    match error.kind() {
        crate::ErrorKind::DeadlineExceeded | crate::ErrorKind::Cancelled => DiscardReason::CutShort,
        _ => DiscardReason::Broken,
    }
}

impl Drop for Lease {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.disposition = Disposition::Discard(DiscardReason::HolderPanicked);
        }
        if let Some(Session { driver, home }) = self.session.take() {
            home.give_back(self.slot, driver, self.disposition, self.used);
        }
    }
}

impl Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("slot", &self.slot)
            .field("info", &self.info)
            .field("disposition", &self.disposition)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::testing::{MockProtocolDriver, Returned, ReturnedLeases};
    use crate::{Error, Phase};

    fn lend(driver: MockProtocolDriver) -> (Lease, ReturnedLeases) {
        let home = ReturnedLeases::default();
        let lease =
            Lease::new(Box::new(driver), Arc::new(home.clone()), SlotId(7), LeaseInfo::default());
        (lease, home)
    }

    fn answering(result: Result<Transcript>) -> MockProtocolDriver {
        let mut driver = MockProtocolDriver::new();
        driver.expect_execute().return_once(move |_, _| result);
        driver
    }

    async fn disposition_after(result: Result<Transcript>) -> Vec<Returned> {
        let (mut lease, home) = lend(answering(result));
        let ctx = Context::detached(Duration::from_secs(1));
        lease.execute(&ctx, &Request::command("ping").unwrap()).await.ok();
        drop(lease);
        home.all()
    }

    #[tokio::test]
    async fn a_session_whose_command_ended_is_lent_again() {
        let returned = disposition_after(Ok(Transcript::default())).await;
        assert_eq!(returned, [(SlotId(7), Disposition::Reuse)]);
    }

    #[tokio::test]
    async fn a_rejected_command_keeps_the_session() {
        let rejected = Error::Rejected { command: "x".into(), message: "% Invalid".into() };
        assert_eq!(disposition_after(Err(rejected)).await, [(SlotId(7), Disposition::Reuse)]);
    }

    #[tokio::test]
    async fn an_error_that_breaks_the_connection_discards_it() {
        let lost = Error::Disconnected { phase: Phase::Read, message: String::new() };
        let broken = Disposition::Discard(DiscardReason::Broken);
        assert_eq!(disposition_after(Err(lost)).await, [(SlotId(7), broken)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_dropped_half_way_discards_the_session() {
        #[derive(Debug)]
        struct Stuck;
        #[async_trait::async_trait]
        impl ProtocolDriver for Stuck {
            fn protocol(&self) -> Protocol {
                Protocol::Ssh
            }
            async fn execute(&mut self, _: &Context, _: &Request) -> Result<Transcript> {
                pending().await
            }
            async fn health_check(&mut self, _: &Context) -> Result<()> {
                Ok(())
            }
            async fn close(self: Box<Self>, _: &Context) -> Result<()> {
                Ok(())
            }
        }
        let home = ReturnedLeases::default();
        let mut lease =
            Lease::new(Box::new(Stuck), Arc::new(home.clone()), SlotId(1), LeaseInfo::default());
        let ctx = Context::detached(Duration::from_secs(9));
        let request = Request::command("ping").unwrap();
        let cut = tokio::time::timeout(Duration::from_secs(1), lease.execute(&ctx, &request)).await;
        assert!(cut.is_err());
        drop(lease);
        assert_eq!(home.all(), [(SlotId(1), Disposition::Discard(DiscardReason::CutShort))]);
    }

    #[test]
    fn a_holder_that_panics_discards_the_session() {
        let (lease, home) = lend(MockProtocolDriver::new());
        catch_unwind(AssertUnwindSafe(move || {
            let _held = lease;
            panic!("holder");
        }))
        .unwrap_err();
        let panicked = Disposition::Discard(DiscardReason::HolderPanicked);
        assert_eq!(home.all(), [(SlotId(7), panicked)]);
    }
}
