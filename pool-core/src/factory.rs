use std::fmt::Debug;

use async_trait::async_trait;

use crate::{Capability, ConnectionConfig, Context, Protocol, ProtocolDriver, Result};

/// Makes sessions of one protocol.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait ProtocolFactory: Debug + Send + Sync {
    /// The protocol of the sessions it makes.
    fn protocol(&self) -> Protocol;

    /// What those sessions can do.
    fn capability(&self) -> &Capability;

    /// Makes a session that has logged in and is ready for its first command. A factory never
    /// returns something that would log in later.
    ///
    /// The whole of it is bounded by `ctx`. A factory does not look at
    /// [`connect_timeout`](ConnectionConfig::connect_timeout) itself: whoever calls it does.
    ///
    /// # Errors
    ///
    /// Whatever stage failed, with its phase.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when dropped, the attempt is cut off and nothing of it remains, neither here
    /// nor, as far as closing the connection can do that, on the device.
    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>>;
}

/// The legacy way to make a session, for callers that have no [`Context`].
///
/// It is an extension trait with a blanket implementation, not a default method, so that no
/// factory and no mock can override it.
#[async_trait]
pub trait ProtocolFactoryExt: ProtocolFactory {
    /// [`create_with_context`](ProtocolFactory::create_with_context) within the configuration's
    /// `connect_timeout`.
    ///
    /// # Errors
    ///
    /// As `create_with_context`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    async fn create(&self, config: &ConnectionConfig) -> Result<Box<dyn ProtocolDriver>> {
        self.create_with_context(&Context::detached(config.connect_timeout), config).await
    }
}

impl<F: ProtocolFactory + ?Sized> ProtocolFactoryExt for F {}
