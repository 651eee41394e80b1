//! What is run on a router for a line, in terms of the router's platform.

mod definition_error;
mod keys;
mod load;
mod pattern;

pub(crate) mod interface;
pub(crate) mod ping;

pub use definition_error::{DefinitionError, DefinitionErrors};

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{Capability, Platform, Request, Result};

use crate::{
    InterfaceFigures, InterfaceState, InterfaceTask, Line, LineState, Measurement, ParseError,
    PingParams, PingTask, Word,
};

/// What is run for a line, and how. Lines that are run in the same way may share it: it is cheap
/// to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Its target is pinged.
    Ping(Arc<PingParams>),
    /// The interface of the router that it hangs on is looked at.
    Interface(Word),
}

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// See [`Task::Ping`].
    Ping,
    /// See [`Task::Interface`].
    Interface,
}

/// What a task found out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Figures {
    /// Packets and their round-trip times.
    Ping(Measurement),
    /// The state of an interface and its counters.
    Interface(InterfaceFigures),
}

/// The registry of tasks: which kinds there are, on which platforms each of them runs over which
/// protocols, what is typed for it there and how the answer is read.
///
/// A kind of task is a variant of [`TaskKind`], of [`Task`] with its parameters and of [`Figures`]
/// with its results; each platform's commands and patterns are data. A task that a platform or a
/// protocol does not have, or with parameters that the platform does not take, is found by
/// [`Inventory::validate`](crate::Inventory::validate), when an inventory is loaded.
#[derive(Clone, Debug)]
pub struct Tasks {
    ping: PingTask,
    interface: InterfaceTask,
}

impl Default for Task {
    fn default() -> Self {
        Self::ping(PingParams::default())
    }
}

impl Task {
    /// A ping with these parameters.
    pub fn ping(params: PingParams) -> Self {
        Self::Ping(Arc::new(params))
    }

    /// The interface that is looked at, if one is.
    pub fn as_interface(&self) -> Option<&Word> {
        match self {
            Self::Interface(interface) => Some(interface),
            Self::Ping(_) => None,
        }
    }

    /// How it is pinged, if it is.
    pub fn as_ping(&self) -> Option<&PingParams> {
        match self {
            Self::Ping(params) => Some(params),
            Self::Interface(_) => None,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Ping(_) => TaskKind::Ping,
            Self::Interface(_) => TaskKind::Interface,
        }
    }
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Ping, Self::Interface];

    /// The stable name used in configurations and outcomes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Interface => "interface",
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Figures {
    /// The state that the line was seen in.
    pub fn line_state(&self) -> LineState {
        match self {
            Self::Ping(ping) if ping.received == 0 => LineState::Down,
            Self::Ping(ping) if ping.received < ping.sent => LineState::Degraded,
            Self::Ping(_) => LineState::Up,
            Self::Interface(interface) if interface.state == InterfaceState::Up => LineState::Up,
            Self::Interface(_) => LineState::Down,
        }
    }

    /// Those of an interface.
    pub fn interface(&self) -> Option<&InterfaceFigures> {
        match self {
            Self::Interface(figures) => Some(figures),
            Self::Ping(_) => None,
        }
    }

    /// Those of a ping.
    pub fn ping(&self) -> Option<&Measurement> {
        match self {
            Self::Ping(measurement) => Some(measurement),
            Self::Interface(_) => None,
        }
    }
}

impl From<Measurement> for Figures {
    fn from(measurement: Measurement) -> Self {
        Self::Ping(measurement)
    }
}

impl Tasks {
    /// Every kind, with the definitions that come with this crate.
    pub fn builtin() -> Self {
        Self { ping: PingTask::builtin(), interface: InterfaceTask::builtin() }
    }

    /// The built-in definitions and those of `files`, which have a table for each task: see
    /// [`PingTask::with_files`].
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files.
    pub fn with_files(files: &[(&str, &str)]) -> Result<Self, DefinitionErrors> {
        match (PingTask::with_files(files), InterfaceTask::with_files(files)) {
            (Ok(ping), Ok(interface)) => Ok(Self { ping, interface }),
            (ping, interface) => {
                let mut errors = ping.err().map(|errors| errors.0).unwrap_or_default();
                // What is wrong with a file as a whole is found twice.
                for error in interface.err().into_iter().flat_map(|errors| errors.0) {
                    if !errors.contains(&error) {
                        errors.push(error);
                    }
                }
                Err(DefinitionErrors(errors))
            }
        }
    }

    /// The look at an interface.
    pub fn interface(&self) -> &InterfaceTask {
        &self.interface
    }

    /// The ping.
    pub fn ping(&self) -> &PingTask {
        &self.ping
    }

    /// The names of the platforms on which any task runs, aliases included, in order.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<_> = self.ping.names().chain(self.interface.names()).collect();
        names.into_iter()
    }

    /// Whether any task runs on `platform`.
    pub fn knows(&self, platform: &Platform) -> bool {
        self.ping.knows(platform) || self.interface.knows(platform)
    }

    /// Whether tasks of this kind run on `platform`, on sessions with this `capability`.
    pub fn supports(&self, kind: TaskKind, platform: &Platform, capability: &Capability) -> bool {
        let on_task = match kind {
            TaskKind::Ping => self.ping.supports(platform, capability),
            TaskKind::Interface => self.interface.knows(platform),
        };
        on_task && capability.supports(platform)
    }

    /// What is typed for `line` on a router of `platform`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a platform that does not have the task; `InvalidConfig` with every
    /// parameter that the platform does not take.
    pub fn request(&self, platform: &Platform, line: &Line) -> Result<Request> {
        match &line.task {
            Task::Ping(params) => self.ping.request(platform, &line.target, params),
            Task::Interface(interface) => self.interface.request(platform, interface),
        }
    }

    /// How long the answer takes at most.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a platform that does not have the task.
    pub fn budget(&self, platform: &Platform, line: &Line) -> Result<Duration> {
        match &line.task {
            Task::Ping(params) => self.ping.budget(platform, &line.target, params),
            Task::Interface(_) => self.interface.budget(platform),
        }
    }

    /// Reads the answer to the [`request`](Self::request) for `line`.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn read(
        &self,
        platform: &Platform,
        line: &Line,
        text: &str,
    ) -> Result<Figures, ParseError> {
        match &line.task {
            Task::Ping(params) => {
                self.ping.read(platform, &line.target, params, text).map(Figures::from)
            }
            Task::Interface(interface) => {
                self.interface.read(platform, interface, text).map(Figures::Interface)
            }
        }
    }
}
