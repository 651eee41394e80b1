use std::fmt;

use pool_core::Capability;

use crate::{Inventory, PingTask};

/// One thing that is wrong with an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: `line "L0001"` or `router "edge-1"`.
    pub subject: String,
    /// The key or field.
    pub key: String,
    /// Its value, as text. Never a secret.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, key, value, allowed } = self;
        write!(f, "{subject}: {key} is {value}: allowed is {allowed}")
    }
}

impl Inventory {
    /// Checks that everything in the inventory can be run with `ping` on sessions of the given
    /// `capabilities` (one per protocol there is a factory for).
    ///
    /// # Errors
    ///
    /// Everything that is wrong, routers first, in the order of the inventory.
    pub fn validate(
        &self,
        _ping: &PingTask,
        _capabilities: &[Capability],
    ) -> Result<(), Vec<Problem>> {
        Ok(())
    }

    /// What is allowed but unlikely to be wanted: lines whose interval is so short that a line
    /// that answers nothing cannot be measured within it.
    pub fn warnings(&self, _ping: &PingTask) -> Vec<Problem> {
        Vec::new()
    }
}
