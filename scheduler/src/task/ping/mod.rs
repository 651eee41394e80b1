//! The `ping` task: one definition per platform, as data, and one reader for all of them.

mod command;
mod definition;
mod figures;
mod load;
mod read;
mod target;
mod template;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{Capability, Error, Platform, Request, Result};

use crate::{Measurement, PingParams, Target};

use definition::Definition;
pub use load::DefinitionError;
pub use read::ParseError;

/// The definitions that come with this crate: file name and text.
const BUILTIN: &[(&str, &str)] = &[
    ("arista_eos.toml", include_str!("platforms/arista_eos.toml")),
    ("cisco_asa.toml", include_str!("platforms/cisco_asa.toml")),
    ("cisco_iosxe.toml", include_str!("platforms/cisco_iosxe.toml")),
    ("cisco_iosxr.toml", include_str!("platforms/cisco_iosxr.toml")),
    ("cisco_nxos.toml", include_str!("platforms/cisco_nxos.toml")),
    ("frr_vtysh.toml", include_str!("platforms/frr_vtysh.toml")),
    ("h3c_comware.toml", include_str!("platforms/h3c_comware.toml")),
    ("huawei_vrp.toml", include_str!("platforms/huawei_vrp.toml")),
    ("juniper_junos.toml", include_str!("platforms/juniper_junos.toml")),
    ("linux.toml", include_str!("platforms/linux.toml")),
    ("nokia_sros.toml", include_str!("platforms/nokia_sros.toml")),
    ("ruckus_icx.toml", include_str!("platforms/ruckus_icx.toml")),
];

/// The `ping` task: builds the command and reads the output on every platform it has a definition
/// for.
#[derive(Clone, Debug)]
pub struct PingTask {
    /// By name, aliases included.
    definitions: BTreeMap<String, Arc<Definition>>,
}

impl PingTask {
    /// The definitions that come with this crate.
    pub fn builtin() -> Self {
        Self::load(BUILTIN).expect("a test loads every built-in definition")
    }

    /// Loads definitions from `(file name, text)` pairs. A file is TOML: `name`, `aliases` and
    /// `inherits` at the top, and a `[ping]` table; a `[cli]` table beside it is somebody else's.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`] with the file, the key and the reason.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, DefinitionError> {
        Ok(Self { definitions: load::definitions(files)? })
    }

    /// The names of the platforms there are definitions for, aliases included, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// Whether there is a definition for `platform`.
    pub fn knows(&self, platform: &Platform) -> bool {
        self.definition(platform).is_some()
    }

    /// Whether `platform` can be pinged on sessions with this `capability`: there is a definition,
    /// and a ping that does not end by itself can be interrupted.
    pub fn supports(&self, platform: &Platform, capability: &Capability) -> bool {
        self.definition(platform)
            .is_some_and(|found| capability.interrupt || !found.needs_interrupt())
    }

    /// The command for `target`, with the time its output may take as the step's timeout.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a platform without a definition; `InvalidConfig` with every parameter
    /// that is out of the platform's range or that its ping does not take.
    pub fn request(
        &self,
        platform: &Platform,
        target: &Target,
        params: &PingParams,
    ) -> Result<Request> {
        command::request(self.expect(platform)?, target, params)
    }

    /// How long a ping of `target` takes at most: the step timeout of [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// `Unsupported` for a platform without a definition.
    pub fn budget(
        &self,
        platform: &Platform,
        target: &Target,
        params: &PingParams,
    ) -> Result<Duration> {
        Ok(command::budget(self.expect(platform)?, target, params))
    }

    /// Reads the output of a ping to `target`. The output must speak of that target, where it is
    /// an address and the platform prints it: text of an earlier ping is not taken for this one.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn read(
        &self,
        platform: &Platform,
        target: &Target,
        text: &str,
    ) -> Result<Measurement, ParseError> {
        self.read_text(platform, Some(target), text)
    }

    /// Reads a saved output without knowing which target was asked for.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse(&self, platform: &Platform, text: &str) -> Result<Measurement, ParseError> {
        self.read_text(platform, None, text)
    }

    fn read_text(
        &self,
        platform: &Platform,
        target: Option<&Target>,
        text: &str,
    ) -> Result<Measurement, ParseError> {
        let definition = self
            .definition(platform)
            .ok_or_else(|| ParseError::UnknownPlatform(platform.to_string()))?;
        definition.reader.read(target, text)
    }

    fn definition(&self, platform: &Platform) -> Option<&Definition> {
        self.definitions.get(platform.as_str()).map(Arc::as_ref)
    }

    fn expect(&self, platform: &Platform) -> Result<&Definition> {
        self.definition(platform)
            .ok_or_else(|| Error::Unsupported { what: format!("ping on platform {platform}") })
    }
}
