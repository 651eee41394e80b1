//! What the running daemon is asked, and where.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ConfigArgs, Format};
use crate::telemetry::LogLevel;

#[derive(Debug, Args)]
pub(crate) struct CheckNowArgs {
    /// These lines.
    #[arg(value_name = "LINE", required_unless_present = "router", conflicts_with = "router")]
    pub(crate) lines: Vec<String>,
    /// Every line of this router.
    #[arg(long, value_name = "NAME")]
    pub(crate) router: Option<String>,
    /// How long to wait for the outcomes, 1s to 10m.
    #[arg(long, value_name = "TIME", default_value = "60s",
          value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

/// Where the running daemon is asked.
#[derive(Debug, Args)]
pub(crate) struct DaemonArgs {
    /// The daemon's socket. Default: that of the configuration, or /run/monitord/control.sock.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// The daemon's configuration, to find its socket.
    #[arg(short, long, value_name = "FILE", env = "MONITORD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DebugArgs {
    /// The line.
    #[arg(value_name = "LINE")]
    pub(crate) line: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The daemon's socket. Default: that of the configuration, or /run/monitord/control.sock.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Do not log in to the router.
    #[arg(long)]
    pub(crate) no_check: bool,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    /// Show it once, as plain text, as is done when the output is no terminal.
    #[arg(long)]
    pub(crate) once: bool,
    /// Only what has this in the name of its line or router, its target, or its state.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "2s",
          value_parser = humantime::parse_duration)]
    pub(crate) interval: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogLevelArgs {
    /// How much to log. Without it, how it logs now is shown.
    #[arg(value_enum, value_name = "LEVEL", conflicts_with = "reset")]
    pub(crate) level: Option<LogLevel>,
    /// About this router and what is on it.
    #[arg(long, value_name = "NAME", conflicts_with = "line")]
    pub(crate) router: Option<String>,
    /// About this line.
    #[arg(long, value_name = "ID")]
    pub(crate) line: Option<String>,
    /// For how long, 1s to 7d.
    #[arg(long = "for", value_name = "TIME", default_value = "10m",
          value_parser = humantime::parse_duration)]
    pub(crate) time: Duration,
    /// Log as is configured again, about this router or line, or everything.
    #[arg(long)]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}
