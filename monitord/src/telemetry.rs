//! Logs: to stderr, as text or JSON, calm by default.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

/// Our own crates. Others log at `warn` at most, whatever the level: their debug output is not
/// ours to vouch for where secrets are concerned.
const OWN_CRATES: [&str; 6] =
    ["monitord", "scheduler", "pool", "pool_core", "driver_cli", "driver_ssh"];

/// How to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// The least important messages that are logged. Default: info.
    pub(crate) level: LogLevel,
    /// In which form. Default: text.
    pub(crate) format: LogFormat,
}

/// How much to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
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

/// Starts logging, panics included.
///
/// # Errors
///
/// When logging was started before.
pub(crate) fn init(settings: LogSettings) -> Result<(), TryInitError> {
    let own = settings.level.filter();
    let others = Ord::min(own, LevelFilter::WARN);
    let filter =
        Targets::new().with_default(others).with_targets(OWN_CRATES.map(|name| (name, own)));
    let form = fmt::layer().with_writer(std::io::stderr);
    let layer = match settings.format {
        LogFormat::Text => {
            let coloured = std::io::IsTerminal::is_terminal(&std::io::stderr());
            form.with_ansi(coloured).with_filter(filter).boxed()
        }
        LogFormat::Json => form.json().flatten_event(true).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(layer).try_init()?;
    log_panics();
    Ok(())
}

/// A panic becomes a log message like any other, so that it reaches whoever collects the logs.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tracing::error!(place, "panicked: {}", text.unwrap_or("no message"));
    }));
}
