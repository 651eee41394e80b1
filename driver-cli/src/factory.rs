use std::sync::Arc;

use async_trait::async_trait;
use pool_core::{
    Capability, ConnectionConfig, Connector, Context, Error, PlatformSupport, Protocol,
    ProtocolDriver, ProtocolFactory, Result,
};

use crate::session::Session;
use crate::{CliDriver, Platforms};

/// Makes interactive sessions: connects with a [`Connector`], waits for the prompt, and prepares
/// the terminal as the platform's definition says.
#[derive(Debug)]
pub struct CliFactory {
    connector: Arc<dyn Connector>,
    platforms: Arc<Platforms>,
    capability: Capability,
}

impl CliFactory {
    /// A factory for every platform in `platforms`, over the transports of `connector`.
    #[must_use]
    pub fn new(connector: Arc<dyn Connector>, platforms: Arc<Platforms>) -> Self {
        let capability = Capability {
            protocol: Protocol::Scrapli,
            platforms: PlatformSupport::Only(platforms.names()),
            interrupt: true,
        };
        Self { connector, platforms, capability }
    }
}

#[async_trait]
impl ProtocolFactory for CliFactory {
    fn protocol(&self) -> Protocol {
        Protocol::Scrapli
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    /// Connects, waits for the prompt, goes to a level to work at, and prepares the terminal.
    ///
    /// # Errors
    ///
    /// The connector's own; then in phase `Prompt` or `Setup`, `Busy` when the device says that
    /// it has no session left, `Authentication` when it refuses the enable password, and
    /// `Unsupported` for a platform without a definition.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let definition = self.platforms.get(&config.platform).ok_or_else(|| {
            Error::Unsupported { what: format!("no definition of platform {}", config.platform) }
        })?;
        let transport = self.connector.connect(ctx, config).await?;
        let session = Session::open(ctx, transport, definition, config).await?;
        Ok(Box::new(CliDriver::new(session, config.health_check_timeout)))
    }
}
