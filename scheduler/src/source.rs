use std::fmt::Debug;

use async_trait::async_trait;
use pool_core::Context;

use crate::Inventory;

/// Somewhere that says what is to be checked: a file, a monitoring server.
#[async_trait]
pub trait InventorySource: Debug + Send {
    /// What operators call it. Stable, and different from every other source's.
    fn name(&self) -> &str;

    /// Everything that the source declares at this moment, valid, in an order that does not change
    /// by itself. Never a part of it: what cannot be had whole is an error.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when the source is away, or says what cannot be used.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is waited for or half taken when the future is dropped.
    async fn load(&mut self, ctx: &Context) -> Result<Inventory, SourceError>;

    /// What the inventory that was loaded last can be made of again at a start at which the source
    /// is away, if that has changed since this was asked for. Whoever asks keeps it once that
    /// inventory counts. It has no secrets in it beyond those that the source itself holds in the
    /// clear. Nothing is kept of a source that does not say otherwise.
    fn record(&mut self) -> Option<SourceRecord> {
        None
    }
}

/// What a source said, in words that it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Where it had it from. What is said by another place is not the same.
    pub origin: String,
    /// What was said.
    pub text: String,
}

/// Why a source has no inventory to give: one line, or one for each problem. Never with a secret
/// in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
