//! The command line.

mod compare;
mod daemon;
mod generate;
mod platforms;
mod probe;
mod spool;
mod zabbix;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::settings::Override;
use crate::telemetry::{LogFormat, LogLevel, LogSettings};

pub(crate) use compare::CompareArgs;
pub(crate) use daemon::{
    CheckNowArgs, DaemonArgs, DebugArgs, DoctorArgs, LogLevelArgs, ReloadArgs, TopArgs,
};
pub(crate) use generate::{GenArgs, GenCommand};
pub(crate) use platforms::{DefinitionArgs, ParseArgs, PlatformsArgs, PlatformsCommand};
pub(crate) use probe::{HostKeyChoice, ProbeArgs};
#[cfg(feature = "bench")]
pub(crate) use spool::BenchDeliveryArgs;
pub(crate) use spool::{SpoolArgs, SpoolCommand};
pub(crate) use zabbix::{RoleArgs, TemplateArgs, ZabbixArgs, ZabbixCommand};

/// Monitors leased lines from the routers they end on.
///
/// Exit codes: 0; 1 some check could not be carried out; 2 wrong usage; 78 wrong configuration.
#[derive(Debug, Parser)]
#[command(name = "monitord", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the daemon: check every line at its interval, and report.
    Run(RunArgs),
    /// Check every line once, now.
    Once(OnceArgs),
    /// Check the configuration, and whether routers and Zabbix can be reached.
    Validate(ValidateArgs),
    /// Show the lines and routers as they are configured, secrets masked.
    Lines(LinesArgs),
    /// Write a configuration with the predecessor's keys anew, with monitord's own.
    Migrate(MigrateArgs),
    /// Show what a trial saw beside what the predecessor reported to Zabbix meanwhile.
    Compare(CompareArgs),
    /// Read a saved `ping` output.
    Parse(ParseArgs),
    /// Show what is known about platforms.
    Platforms(PlatformsArgs),
    /// Run one check without a configuration, with the time of each phase.
    Probe(ProbeArgs),
    /// Say what is wrong now, most likely first, and what to do next. Ends with 1 when something is.
    Doctor(DoctorArgs),
    /// Show everything about one line: how it is checked and who said so, what the running daemon
    /// knows of it, and a check of its own with all there is to see.
    Debug(DebugArgs),
    /// Watch the running daemon: lines, routers, sessions, and what waits for delivery.
    Top(TopArgs),
    /// Show, take out or repair the outcomes that wait for delivery.
    Spool(SpoolArgs),
    /// Have the running daemon check lines at once, ahead of what is due.
    CheckNow(CheckNowArgs),
    /// Have the running daemon read its configuration again, and say what that changed.
    Reload(ReloadArgs),
    /// Have the running daemon log more or less about a router, a line or all, for a time.
    LogLevel(LogLevelArgs),
    /// Write what Zabbix needs to know: a template to import, a role for reading lines.
    Zabbix(ZabbixArgs),
    /// Write what packagers, shells and editors need: completions, manual pages, a systemd unit, a
    /// schema of the configuration.
    Gen(GenArgs),
    /// One side of a benchmark.
    #[cfg(feature = "bench")]
    #[command(hide = true)]
    BenchDelivery(BenchDeliveryArgs),
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file: YAML, or TOML or JSON by its extension.
    #[arg(short, long, value_name = "FILE", env = "MONITORD_CONFIG")]
    pub(crate) config: PathBuf,
    /// Set one key over file and environment, for example `connection.connect_timeout=5s`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) overrides: Vec<Override>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// How to log.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogArgs {
    /// How much to log on standard error.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,
    /// In which form.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl LogArgs {
    /// How to log where the configuration says `settings`: flags are stronger.
    pub(crate) fn over(&self, settings: LogSettings) -> LogSettings {
        LogSettings {
            level: self.log_level.unwrap_or(settings.level),
            format: self.log_format.unwrap_or(settings.format),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Read the lines and check them, and report nothing to Zabbix: the same as
    /// `--set zabbix.report=false`.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the outcomes to standard output, as JSON Lines.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<JsonOnly>,
}

#[derive(Debug, Args)]
pub(crate) struct OnceArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Only this line; may be repeated.
    #[arg(long = "line", value_name = "ID")]
    pub(crate) lines: Vec<String>,
    /// Only lines of this router; may be repeated.
    #[arg(long = "router", value_name = "NAME")]
    pub(crate) routers: Vec<String>,
    /// `json`: JSON Lines, each outcome as it comes.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Do not try to reach anyone.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Log in to every router once, and not only connect.
    #[arg(long, conflicts_with = "offline")]
    pub(crate) login: bool,
    /// Only this router; may be repeated.
    #[arg(long = "router", value_name = "NAME")]
    pub(crate) routers: Vec<String>,
    /// How long asking Zabbix for its lines may take, and then trying everyone else.
    #[arg(long, value_name = "TIME", default_value = "60s",
          value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct LinesArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The configuration that is there: `svr.yml`.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where to write the new one, as YAML, for its owner only. Default: standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace files that are there already.
    #[arg(long)]
    pub(crate) force: bool,
    /// Move the secrets that stand in it to files in this directory, which only their owner can
    /// read.
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// For programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JsonOnly {
    /// JSON Lines.
    Json,
}

fn key_value(text: &str) -> Result<Override, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("allowed is KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
