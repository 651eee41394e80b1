use std::sync::Arc;

use pool_core::{Capability, Platform, Protocol};
use scheduler::{TaskKind, Tasks};

/// Which platforms can be checked, and over which protocols: what there is a task for, and a
/// factory that can make sessions to.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    tasks: Arc<Tasks>,
    capabilities: Vec<Capability>,
}

impl Catalog {
    /// What `tasks` can do on sessions of these `capabilities`, one for each protocol.
    pub(crate) fn new(tasks: Arc<Tasks>, capabilities: Vec<Capability>) -> Self {
        Self { tasks, capabilities }
    }

    /// Whether both are of the same tasks.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tasks, &other.tasks)
    }

    /// What can be run.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// What the sessions can do.
    pub(crate) fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// Whether lines of routers of `platform` can be checked over `protocol`.
    pub(crate) fn supports(&self, protocol: Protocol, platform: &Platform) -> bool {
        let mut capabilities = self.capabilities.iter().filter(|c| c.protocol == protocol);
        capabilities
            .any(|c| TaskKind::ALL.into_iter().any(|kind| self.tasks.supports(kind, platform, c)))
    }

    /// Whether lines of routers of `platform` can be checked at all.
    pub(crate) fn knows(&self, platform: &Platform) -> bool {
        Protocol::ALL.into_iter().any(|protocol| self.supports(protocol, platform))
    }

    /// The platforms that can be checked, aliases included, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tasks.platforms().filter(|name| self.knows(&Platform::new(name))).collect()
    }

    /// The platforms that can be checked over `protocol`, aliases included, in order.
    pub(crate) fn platforms(&self, protocol: Protocol) -> Vec<&str> {
        let supported = |name: &&str| self.supports(protocol, &Platform::new(name));
        self.tasks.platforms().filter(supported).collect()
    }
}
