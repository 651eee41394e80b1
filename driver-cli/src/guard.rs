//! The list of allowed commands, for sessions that are not typed at a prompt.

use std::sync::Arc;

use async_trait::async_trait;
use pool_core::{
    Capability, ConnectionConfig, Context, Protocol, ProtocolDriver, ProtocolFactory, Request,
    Result, Transcript,
};

use crate::{PlatformDefinition, Platforms};

/// Makes the sessions of another factory, which run only the commands that the platform's
/// definition lists, as those of [`CliFactory`](crate::CliFactory) do by themselves.
///
/// A platform without a definition has no list, and its sessions are those of the other factory:
/// there it is for whoever wrote the commands to say what they do.
#[derive(Debug)]
pub struct GuardedFactory {
    inner: Arc<dyn ProtocolFactory>,
    platforms: Arc<Platforms>,
}

impl GuardedFactory {
    /// Guards the sessions of `inner` by the lists of `platforms`.
    #[must_use]
    pub fn new(inner: Arc<dyn ProtocolFactory>, platforms: Arc<Platforms>) -> Self {
        Self { inner, platforms }
    }
}

#[async_trait]
impl ProtocolFactory for GuardedFactory {
    fn protocol(&self) -> Protocol {
        self.inner.protocol()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let inner = self.inner.create_with_context(ctx, config).await?;
        Ok(match self.platforms.get(&config.platform) {
            Some(platform) => Box::new(GuardedDriver { inner, platform }),
            None => inner,
        })
    }
}

/// A session that runs only what is allowed.
#[derive(Debug)]
struct GuardedDriver {
    inner: Box<dyn ProtocolDriver>,
    platform: Arc<PlatformDefinition>,
}

#[async_trait]
impl ProtocolDriver for GuardedDriver {
    fn protocol(&self) -> Protocol {
        self.inner.protocol()
    }

    /// A request with a command that is not allowed is `InvalidConfig`, before a byte of it is
    /// sent; the session stays good.
    async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript> {
        self.platform.allowed.check_request(request)?;
        self.inner.execute(ctx, request).await
    }

    async fn health_check(&mut self, ctx: &Context) -> Result<()> {
        self.inner.health_check(ctx).await
    }

    async fn close(self: Box<Self>, ctx: &Context) -> Result<()> {
        self.inner.close(ctx).await
    }
}
