//! The `ping` task: one definition per platform, as data, and one reader for all of them.

mod command;
mod definition;
mod explain;
pub(super) mod figures;
mod number;
mod parse_error;
mod read;
mod replies;
mod sample;
mod target;
mod template;
pub(super) mod text;
mod validate;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pool_core::{Capability, Error, Platform, Request, Result};

use super::load::{self, Definitions};
use crate::{DefinitionErrors, Measurement, PingParams, Target};

use definition::{Definition, Ends};
pub use explain::{ReadLine, ReadRule};
use figures::Doubt;
pub use parse_error::ParseError;
use read::Read;
pub use sample::{Expected, Mismatch, Sample, SampleError};

macro_rules! builtin {
    ($($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("platforms/", $file)))),+]
    };
}

/// The definition files that come with this crate, with the tables of every task: name and text.
pub(super) const BUILTIN: &[(&str, &str)] = builtin![
    "arista_eos.toml",
    "cisco_aireos.toml",
    "cisco_asa.toml",
    "cisco_iosxe.toml",
    "cisco_iosxr.toml",
    "cisco_nxos.toml",
    "fortinet_fortios.toml",
    "frr_vtysh.toml",
    "h3c_comware.toml",
    "huawei_vrp.toml",
    "juniper_junos.toml",
    "linux.toml",
    "mikrotik_routeros.toml",
    "nokia_sros.toml",
    "nokia_sros_classic.toml",
    "ruckus_icx.toml",
];

/// Compiling all patterns takes a good part of a second, and they never change.
static BUILTIN_TASK: LazyLock<PingTask> =
    LazyLock::new(|| PingTask::load(BUILTIN).expect("a test loads every built-in definition"));

/// The `ping` task: builds the command and reads the output on every platform it has a definition
/// for.
#[derive(Clone, Debug)]
pub struct PingTask {
    /// By name, aliases included.
    definitions: Definitions<Definition>,
}

impl PingTask {
    /// The definitions that come with this crate.
    pub fn builtin() -> Self {
        BUILTIN_TASK.clone()
    }

    /// The built-in definitions and those of `files`, as [`load`](Self::load) takes them. A file
    /// with the name of a built-in platform replaces it; one that inherits builds on it.
    ///
    /// # Errors
    ///
    /// See [`load`](Self::load).
    pub fn with_files(files: &[(&str, &str)]) -> Result<Self, DefinitionErrors> {
        Ok(Self { definitions: load::definitions(&BUILTIN_TASK.definitions, BUILTIN, files)? })
    }

    /// Loads definitions from `(file name, text)` pairs. A file is TOML and has the name of its
    /// platform: `aliases` and `inherits` at the top, and a `[ping]` table; a `[cli]` table beside
    /// it is somebody else's. A file without anything for a ping is passed over.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with the file, the key and the reason.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, DefinitionErrors> {
        Ok(Self { definitions: load::definitions(&Definitions::new(), &[], files)? })
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
    /// and a ping that does not end by itself, or takes its options from commands before it, runs
    /// in a shell.
    pub fn supports(&self, platform: &Platform, capability: &Capability) -> bool {
        self.definition(platform).is_some_and(|found| capability.interrupt || !found.needs_shell())
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

    /// Reads the output of a ping to `target` that was asked for with `params`. The output must
    /// speak of that target, where it is an address and the platform prints it, and of that many
    /// packets: text of an earlier ping, or of one that was broken off, is not taken for this one.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn read(
        &self,
        platform: &Platform,
        target: &Target,
        params: &PingParams,
        text: &str,
    ) -> Result<Measurement, ParseError> {
        let definition = self.known(platform)?;
        let read = self.read_text(platform, Some(target), text)?;
        check_count(definition, params.count, &read)
            .map_err(|doubt| ParseError::new(doubt, text))?;
        Ok(read.measurement)
    }

    /// Reads a saved output without knowing what was asked for. Output without statistics is an
    /// error then, also where the device prints none when nothing is answered.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse(&self, platform: &Platform, text: &str) -> Result<Measurement, ParseError> {
        let read = self.read_text(platform, None, text)?;
        if read.is_announced {
            return Err(ParseError::new(Doubt::Nothing, text));
        }
        Ok(read.measurement)
    }

    /// What is made of each line of `text` when it is [read](Self::read): for people who want to know
    /// where a figure comes from, or why there is none.
    ///
    /// # Errors
    ///
    /// `UnknownPlatform`.
    pub fn explain(
        &self,
        platform: &Platform,
        target: Option<&Target>,
        text: &str,
    ) -> Result<Vec<ReadLine>, ParseError> {
        Ok(self.known(platform)?.reader.explain(target, text))
    }

    fn read_text(
        &self,
        platform: &Platform,
        target: Option<&Target>,
        text: &str,
    ) -> Result<Read, ParseError> {
        self.known(platform)?.reader.read(target, text)
    }

    fn known(&self, platform: &Platform) -> Result<&Definition, ParseError> {
        let found = self.definition(platform);
        found.ok_or_else(|| ParseError::UnknownPlatform(platform.to_string()))
    }

    fn definition(&self, platform: &Platform) -> Option<&Definition> {
        self.definitions.get(platform.as_str()).map(Arc::as_ref)
    }

    fn expect(&self, platform: &Platform) -> Result<&Definition> {
        self.definition(platform)
            .ok_or_else(|| Error::Unsupported { what: format!("ping on platform {platform}") })
    }
}

/// A device sends as many packets as it was asked to, unless it says what kept it from that. A
/// ping that is interrupted has sent as many as there was time for.
fn check_count(definition: &Definition, asked: u32, read: &Read) -> std::result::Result<(), Doubt> {
    let sent = read.measurement.sent;
    let may_be_fewer = read.is_explained && !read.is_announced;
    if definition.ends == Ends::Interrupted || sent == asked || sent < asked && may_be_fewer {
        return Ok(());
    }
    Err(Doubt::Contradiction(format!("{asked} packets were asked for, but {sent} sent")))
}
