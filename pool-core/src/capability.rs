use std::collections::BTreeSet;

use crate::{Platform, Protocol};

/// What the sessions of a factory can do, known before any is made, so that a mismatch is found
/// when the inventory is loaded and not at the first check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The platforms it can talk to.
    pub platforms: PlatformSupport,
    /// Whether a running command can be interrupted (Ctrl-C) and its output kept. An exec channel
    /// cannot; a shell can.
    pub interrupt: bool,
}

/// Which platforms a factory supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformSupport {
    /// Any: the protocol does not depend on the platform.
    Any,
    /// Those for which it has a definition.
    Only(BTreeSet<Platform>),
}

impl Capability {
    /// Whether sessions to `platform` can be made.
    pub fn supports(&self, platform: &Platform) -> bool {
        match &self.platforms {
            PlatformSupport::Any => true,
            PlatformSupport::Only(known) => known.contains(platform),
        }
    }
}
