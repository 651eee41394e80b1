//! What is run on a router for a line, in terms of the router's platform.

pub(crate) mod ping;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{Capability, Platform, Request, Result};

use crate::{DefinitionErrors, Line, LineState, Measurement, ParseError, PingParams, PingTask};

/// What is run for a line, and how. Lines that are run in the same way may share it: it is cheap
/// to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Its target is pinged.
    Ping(Arc<PingParams>),
}

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// See [`Task::Ping`].
    Ping,
}

/// What a task found out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Figures {
    /// Packets and their round-trip times.
    Ping(Measurement),
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

    /// How it is pinged, if it is.
    pub fn as_ping(&self) -> Option<&PingParams> {
        match self {
            Self::Ping(params) => Some(params),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Ping(_) => TaskKind::Ping,
        }
    }
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::Ping];

    /// The stable name used in configurations and outcomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
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
        }
    }

    /// Those of a ping.
    pub fn ping(&self) -> Option<&Measurement> {
        match self {
            Self::Ping(measurement) => Some(measurement),
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
        Self { ping: PingTask::builtin() }
    }

    /// The built-in definitions and those of `files`: see [`PingTask::with_files`].
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files.
    pub fn with_files(files: &[(&str, &str)]) -> Result<Self, DefinitionErrors> {
        Ok(Self { ping: PingTask::with_files(files)? })
    }

    /// The ping.
    pub fn ping(&self) -> &PingTask {
        &self.ping
    }

    /// The names of the platforms on which any task runs, aliases included, in order.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.ping.names()
    }

    /// Whether tasks of this kind run on `platform`, on sessions with this `capability`.
    pub fn supports(&self, kind: TaskKind, platform: &Platform, capability: &Capability) -> bool {
        let on_task = match kind {
            TaskKind::Ping => self.ping.supports(platform, capability),
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
        }
    }
}
