use std::sync::Arc;

use pool_core::{Capability, Platform, Protocol};
use scheduler::PingTask;

/// Which platforms can be checked, and over which protocols: what the ping task has a definition
/// for and a factory can make sessions to.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    ping: Arc<PingTask>,
    capabilities: Vec<Capability>,
}

impl Catalog {
    /// What `ping` can do on sessions of these `capabilities`, one for each protocol.
    pub(crate) fn new(ping: Arc<PingTask>, capabilities: Vec<Capability>) -> Self {
        Self { ping, capabilities }
    }

    /// The task that everything here is about.
    pub(crate) fn ping(&self) -> &Arc<PingTask> {
        &self.ping
    }

    /// What the sessions can do.
    pub(crate) fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// Whether lines of routers of `platform` can be checked over `protocol`.
    pub(crate) fn supports(&self, protocol: Protocol, platform: &Platform) -> bool {
        let mut capabilities = self.capabilities.iter().filter(|c| c.protocol == protocol);
        capabilities.any(|c| c.supports(platform) && self.ping.supports(platform, c))
    }

    /// Whether lines of routers of `platform` can be checked at all.
    pub(crate) fn knows(&self, platform: &Platform) -> bool {
        Protocol::ALL.into_iter().any(|protocol| self.supports(protocol, platform))
    }

    /// The platforms that can be checked, aliases included, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.ping.names().filter(|name| self.knows(&Platform::new(name))).collect()
    }

    /// The platforms that can be checked over `protocol`, aliases included, in order.
    pub(crate) fn platforms(&self, protocol: Protocol) -> Vec<&str> {
        let supported = |name: &&str| self.supports(protocol, &Platform::new(name));
        self.ping.names().filter(supported).collect()
    }
}
