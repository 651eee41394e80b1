use pool_core::{Capability, Platform, Request, Result};

use crate::{Measurement, PingParams, Target};

/// Builds and reads `ping` on every platform it has a definition for.
#[derive(Debug)]
pub struct PingTask {}

/// Why a device's output gives no figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There is no definition for the platform.
    #[error("there is no ping definition for platform {0}")]
    UnknownPlatform(String),
}

impl PingTask {
    /// The definitions that come with this crate.
    pub fn builtin() -> Self {
        Self {}
    }

    /// The names of the platforms there are definitions for, aliases included, in order.
    pub fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether `platform` can be pinged on sessions of this `capability`.
    pub fn supports(&self, _platform: &Platform, _capability: &Capability) -> bool {
        true
    }

    /// The command for `target`, with the time it may take.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` or `Unsupported`, naming the parameter.
    pub fn request(
        &self,
        _platform: &Platform,
        target: &Target,
        _params: &PingParams,
    ) -> Result<Request> {
        Request::command(format!("ping {target}"))
    }

    /// Reads the output of a ping to `target`.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn read(
        &self,
        platform: &Platform,
        _target: &Target,
        text: &str,
    ) -> Result<Measurement, ParseError> {
        self.parse(platform, text)
    }

    /// Reads a saved output without knowing which target was asked for.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse(&self, platform: &Platform, _text: &str) -> Result<Measurement, ParseError> {
        Err(ParseError::UnknownPlatform(platform.to_string()))
    }
}
