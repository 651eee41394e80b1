//! The `interface` task: the state and the error counters of the interface that a line hangs on.

mod definition;
mod figures;
mod read;

#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pool_core::{Error, Platform, Request, Result, Step};

use super::load::{self, Definitions};
use super::ping::BUILTIN;
use crate::{DefinitionErrors, ParseError, Word};

use definition::Definition;
pub use figures::{InterfaceFigures, InterfaceState};

/// How long a device may take to show an interface. It has the figures at hand; a busy one takes a
/// few seconds to print them.
const BUDGET: Duration = Duration::from_secs(10);
/// What Junos shows of an interface with many queues takes a tenth of this.
const OUTPUT_BYTES_MAX: usize = 128 * 1024;

/// Compiling patterns takes its time, and they never change.
static BUILTIN_TASK: LazyLock<InterfaceTask> = LazyLock::new(|| {
    let definitions = load::definitions(&Definitions::new(), &[], BUILTIN);
    InterfaceTask { definitions: definitions.expect("a test loads every built-in definition") }
});

/// The `interface` task: builds the command and reads the output on every platform it has a
/// definition for.
#[derive(Clone, Debug)]
pub struct InterfaceTask {
    /// By name, aliases included.
    definitions: Definitions<Definition>,
}

impl InterfaceTask {
    /// The definitions that come with this crate.
    pub fn builtin() -> Self {
        BUILTIN_TASK.clone()
    }

    /// The built-in definitions and those of `files`, whose `[interface]` tables are read as
    /// [`PingTask::with_files`](crate::PingTask::with_files) reads `[ping]` tables.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with the file, the key and the reason.
    pub fn with_files(files: &[(&str, &str)]) -> Result<Self, DefinitionErrors> {
        Ok(Self { definitions: load::definitions(&BUILTIN_TASK.definitions, BUILTIN, files)? })
    }

    /// The names of the platforms there are definitions for, aliases included, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// Whether there is a definition for `platform`. It is one command, which runs in a shell and
    /// without one.
    pub fn knows(&self, platform: &Platform) -> bool {
        self.definitions.contains_key(platform.as_str())
    }

    /// The command that shows `interface`, with the time its output may take.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a platform without a definition.
    pub fn request(&self, platform: &Platform, interface: &Word) -> Result<Request> {
        let command = self.expect(platform)?.command(interface);
        let step = Step::command(command)?.with_timeout(BUDGET);
        Ok(Request::new(step).with_output_bytes_max(OUTPUT_BYTES_MAX))
    }

    /// How long the output takes at most.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a platform without a definition.
    pub fn budget(&self, platform: &Platform) -> Result<Duration> {
        self.expect(platform).map(|_| BUDGET)
    }

    /// Reads what a device shows of `interface`. It must name that interface, which it may write
    /// out (`Gi0/1` as `GigabitEthernet0/1`), its state and its errors in both directions.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn read(
        &self,
        platform: &Platform,
        interface: &Word,
        text: &str,
    ) -> Result<InterfaceFigures, ParseError> {
        let definition = self.definitions.get(platform.as_str());
        let definition =
            definition.ok_or_else(|| ParseError::UnknownPlatform(platform.to_string()))?;
        definition.reader.read(interface, text)
    }

    fn expect(&self, platform: &Platform) -> Result<&Definition> {
        let found = self.definitions.get(platform.as_str()).map(Arc::as_ref);
        found.ok_or_else(|| Error::Unsupported {
            what: format!("the state of an interface on platform {platform}"),
        })
    }
}
