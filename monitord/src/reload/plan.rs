use std::fmt;

use super::Loaded;
use crate::app::Parts;
use crate::settings::Settings;

/// A part of the configuration that takes effect as a whole. Routers, lines and what they share are
/// compared by the scheduler, which knows what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Log,
    Http,
    Control,
    Fleet,
    Pool,
    Platforms,
    Api,
    Sender,
    File,
    Spool,
    ShutdownGrace,
    Reload,
}

impl Part {
    /// What it is called: the key that it stands under.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Http => "http",
            Self::Control => "control",
            Self::Fleet => "fleet",
            Self::Pool => "pool",
            Self::Platforms => "platforms",
            Self::Api => "zabbix.api",
            Self::Sender => "zabbix.sender",
            Self::File => "file",
            Self::Spool => "spool",
            Self::ShutdownGrace => "shutdown_grace",
            Self::Reload => "reload",
        }
    }
}

/// What has to change so that what runs is what is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan(Vec<Part>);

/// Keys that a running process cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NeedsRestart(Vec<&'static str>);

impl fmt::Display for NeedsRestart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(keys) = self;
        let (noun, verb) = if keys.len() == 1 { ("key", "has") } else { ("keys", "have") };
        let keys = keys.join(", ");
        write!(f, "needs a restart: {noun} {keys} {verb} changed, which only a start can take over")
    }
}

impl Plan {
    /// Compares what runs with what is configured. With a spool, its place is fixed.
    ///
    /// # Errors
    ///
    /// [`NeedsRestart`] with every key that cannot be changed now.
    pub(crate) fn between(
        running: &Settings,
        parts: &Parts,
        loaded: &Loaded,
        has_spool: bool,
    ) -> Result<Self, NeedsRestart> {
        let new = &loaded.settings;
        let fixed = [
            ("connection.known_hosts", running.ssh.known_hosts != new.ssh.known_hosts),
            (
                "connection.blocking_threads_max",
                running.ssh.blocking_threads_max != new.ssh.blocking_threads_max,
            ),
            ("metrics", running.metrics != new.metrics),
            ("spool.directory", has_spool && running.spool.directory != new.spool.directory),
        ];
        let keys: Vec<_> =
            fixed.iter().filter(|(_, differs)| *differs).map(|(key, _)| *key).collect();
        if !keys.is_empty() {
            return Err(NeedsRestart(keys));
        }
        let parts_differ = *parts.definitions != *loaded.parts.definitions;
        let all = [
            (Part::Log, running.log != new.log),
            (Part::Http, running.http != new.http),
            (Part::Control, running.control_socket != new.control_socket),
            (Part::Fleet, running.fleet != new.fleet),
            (Part::Pool, running.pool != new.pool),
            (Part::Platforms, parts_differ),
            (Part::Api, running.api != new.api),
            (Part::Sender, running.zabbix != new.zabbix),
            (Part::File, running.file != new.file),
            (Part::Spool, running.spool != new.spool),
            (Part::ShutdownGrace, running.shutdown_grace != new.shutdown_grace),
            (Part::Reload, running.watch != new.watch),
        ];
        Ok(Self(all.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()))
    }

    /// Whether this part changes.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }

    /// What the parts are called that change.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|part| part.as_str())
    }
}
