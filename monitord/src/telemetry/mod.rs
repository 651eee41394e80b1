//! Logs: to stderr, as text or JSON, calm by default.

mod filter;
mod levels;
mod panics;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

pub(crate) use levels::{Exception, Scope};
pub(crate) use panics::panics_total;

use filter::Sieve;
use levels::Levels;

/// How to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// The least important messages that are logged. Default: info.
    pub(crate) level: LogLevel,
    /// In which form. Default: text.
    pub(crate) format: LogFormat,
}

/// How much to log.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// Nothing.
    Off,
    /// What an operator must act on.
    Error,
    /// What is not as it should be.
    Warn,
    /// What changes: start, stop, lines.
    #[default]
    Info,
    /// What is tried.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The names in the configuration.
    pub(crate) const NAMES: &[(&str, Self)] = &[
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The name in the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        let name = Self::NAMES.iter().find(|(_, level)| *level == self);
        name.map_or("", |(name, _)| name)
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// The form of a log message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl LogFormat {
    /// The names in the configuration.
    pub(crate) const NAMES: &[(&str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

/// Changes what is logged, and how, while the process runs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LogControl(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    // Blocking locks: read at every message that may be logged, and never held across an await.
    levels: RwLock<Levels>,
    form: RwLock<LogFormat>,
}

/// Starts logging, panics included.
///
/// # Errors
///
/// When logging was started before.
pub(crate) fn init(settings: LogSettings) -> Result<LogControl, TryInitError> {
    let levels = RwLock::new(Levels::new(settings.level));
    let shared = Arc::new(Shared { levels, form: RwLock::new(settings.format) });
    let sieve = |form| Sieve { shared: shared.clone(), form };
    let coloured = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let text = fmt::layer().with_writer(std::io::stderr).with_ansi(coloured);
    let json = fmt::layer().with_writer(std::io::stderr).json().flatten_event(true);
    tracing_subscriber::registry()
        .with(text.with_filter(sieve(LogFormat::Text)))
        .with(json.with_filter(sieve(LogFormat::Json)))
        .try_init()?;
    panics::log();
    Ok(LogControl(shared))
}

impl LogControl {
    /// Logs as `settings` say from now on. Exceptions stay.
    pub(crate) fn configure(&self, settings: LogSettings) {
        *self.0.form.write() = settings.format;
        self.change(|levels| levels.configure(settings.level));
    }

    /// Logs what is about `scope` at `level` for `time`, in the place of an earlier exception for
    /// the same. False when there are too many exceptions.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn except(&self, scope: Scope, level: LogLevel, time: Duration) -> bool {
        let now = Instant::now();
        let is_made = self.change(|levels| levels.except(now, scope, level, time));
        let control = self.clone();
        // It has ended at its time without this; but only when it is gone is nothing asked for it.
        tokio::spawn(async move {
            sleep_until(now + time).await;
            control.change(|levels| levels.expire(Instant::now()));
        });
        is_made
    }

    /// Ends the exception for `scope`, or all of them.
    pub(crate) fn end(&self, scope: Option<&Scope>) {
        self.change(|levels| levels.end(scope));
    }

    /// The configured level, and the exceptions.
    pub(crate) fn levels(&self) -> (LogLevel, Vec<Exception>) {
        let levels = self.0.levels.read();
        (levels.configured(), levels.exceptions().to_vec())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Levels) -> R) -> R {
        let result = change(&mut self.0.levels.write());
        // Not under the lock: every place that logs is asked for anew.
        tracing::callsite::rebuild_interest_cache();
        result
    }
}

#[cfg(test)]
mod tests;
