use std::fmt::Debug;

use async_trait::async_trait;

use crate::{Context, Protocol, Request, Result, Transcript};

/// One logged-in session on a device, ready for commands.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait ProtocolDriver: Debug + Send {
    /// How commands reach the device.
    fn protocol(&self) -> Protocol;

    /// Runs the commands of `request` one after another and returns what they printed.
    ///
    /// # Errors
    ///
    /// See [`Error`](crate::Error). After an error that
    /// [breaks the connection](crate::Error::breaks_connection) the driver must be closed.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a command cut short leaves the session in an unknown state, and the
    /// driver must be closed. A [`Lease`](crate::Lease) sees to that.
    async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript>;

    /// Tests that the session still answers.
    ///
    /// # Errors
    ///
    /// Any error means that it must be closed.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe, as [`execute`](Self::execute).
    async fn health_check(&mut self, ctx: &Context) -> Result<()>;

    /// Logs out if that can be done within the context, and frees everything in any case.
    /// Dropping a driver instead also frees everything on our side, at once and without a
    /// farewell to the device.
    ///
    /// # Errors
    ///
    /// Why the farewell failed. The session is gone all the same.
    async fn close(self: Box<Self>, ctx: &Context) -> Result<()>;
}
