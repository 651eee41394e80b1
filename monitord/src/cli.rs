//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use pool_core::{Fingerprint, HostKeyPolicy};

use crate::inventory::zabbix::Dialect;
use crate::settings::{HOST_KEY_POLICIES, Override};
use crate::telemetry::{LogFormat, LogLevel, LogSettings};
use crate::template::TemplateFormat;

/// Monitors leased lines from the routers they end on.
///
/// Exit codes: 0; 1 some check could not be carried out; 2 wrong usage; 78 wrong configuration.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
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

/// Platforms beside the built-in ones, for commands without a configuration.
#[derive(Debug, Args)]
pub(crate) struct DefinitionArgs {
    /// A directory with definitions of more platforms, one `NAME.toml` each.
    #[arg(long = "definitions", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
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

#[derive(Debug, Args)]
pub(crate) struct ParseArgs {
    /// The platform that printed it.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: String,
    /// The file, or `-` for standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) definitions: DefinitionArgs,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PlatformsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PlatformsCommand>,
    #[command(flatten)]
    pub(crate) definitions: DefinitionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PlatformsCommand {
    /// The names, and over which protocols each can be checked.
    List {
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: Format,
    },
    /// One platform's definition.
    Show {
        /// The platform.
        platform: String,
    },
    /// Check definition files, and read the samples that stand beside them: those of `NAME.toml`
    /// in `NAME.txt`.
    Check {
        /// The files. Each may inherit from built-in platforms and from the others.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The router.
    #[arg(value_name = "[USER@]HOST[:PORT]")]
    pub(crate) router: String,
    /// Its platform.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: String,
    #[command(flatten)]
    pub(crate) definitions: DefinitionArgs,
    /// What to ping from it.
    #[arg(long, value_name = "IP")]
    pub(crate) target: String,
    /// How commands reach it: `ssh` (exec channel) or `scrapli` (interactive shell).
    #[arg(long, default_value = "scrapli")]
    pub(crate) protocol: String,
    /// The environment variable that holds the password.
    #[arg(long, value_name = "VAR")]
    pub(crate) password_env: Option<String>,
    /// A private key to log in with, tried before the password.
    #[arg(long, value_name = "FILE")]
    pub(crate) private_key: Option<PathBuf>,
    /// Log in with a key of the SSH agent at $SSH_AUTH_SOCK.
    #[arg(long)]
    pub(crate) agent: bool,
    /// What to do about the host key: `strict`, `accept-new`, `off`, or the fingerprint of the only
    /// key it may show, as `ssh-keygen -l` prints it.
    #[arg(long, value_name = "POLICY|SHA256:...", default_value = "accept-new",
          value_parser = HostKeyChoice::parse)]
    pub(crate) host_key: HostKeyChoice,
    /// Reach it through this host, and log in there with the same password, key or agent. Its host
    /// key is handled by the policy, or `accept-new` where a fingerprint is given for the router's.
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    pub(crate) jump: Option<String>,
    /// Which algorithms may be negotiated.
    #[arg(long, value_name = "PROFILE", default_value = "modern",
          value_parser = PossibleValuesParser::new(["modern", "legacy"]))]
    pub(crate) algorithms: String,
    /// Where host keys are remembered, in place of the usual file.
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
    /// How long login may take.
    #[arg(long, value_name = "TIME", default_value = "30s",
          value_parser = humantime::parse_duration)]
    pub(crate) connect_timeout: Duration,
    /// Packets to send.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) count: u32,
    /// Show all there is: whom the session met, with host key and algorithms, what was sent and
    /// received and when, and how the figures were read; secrets masked.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// What is to be done about a host key: by a policy, or by comparison with the one key allowed.
#[derive(Clone, Debug)]
pub(crate) enum HostKeyChoice {
    Policy(HostKeyPolicy),
    Pin(Fingerprint),
}

impl HostKeyChoice {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some((_, policy)) = HOST_KEY_POLICIES.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Policy(*policy));
        }
        let names: Vec<_> = HOST_KEY_POLICIES.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        Fingerprint::new(text)
            .map(Self::Pin)
            .map_err(|_| format!("allowed is {names}, or SHA256: and 43 characters of base64"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct SpoolArgs {
    #[command(subcommand)]
    pub(crate) command: SpoolCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// The outcomes that some sink has not taken yet, oldest first.
    Ls {
        #[command(flatten)]
        config: ConfigArgs,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u64,
        /// Only of this line.
        #[arg(long, value_name = "ID")]
        line: Option<String>,
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: Format,
    },
    /// How much waits, since when, for which sink, and which items are refused.
    Stat {
        #[command(flatten)]
        config: ConfigArgs,
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: Format,
    },
    /// Everything, as JSON Lines.
    Export {
        #[command(flatten)]
        config: ConfigArgs,
        /// Only of this line.
        #[arg(long, value_name = "ID")]
        line: Option<String>,
    },
    /// Check the whole file; when it is damaged, set it aside and take over what is readable.
    /// monitord must not be running.
    Repair {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

impl SpoolCommand {
    /// Where its configuration comes from.
    pub(crate) fn config(&self) -> &ConfigArgs {
        match self {
            Self::Ls { config, .. }
            | Self::Stat { config, .. }
            | Self::Export { config, .. }
            | Self::Repair { config } => config,
        }
    }
}

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

#[derive(Debug, Args)]
pub(crate) struct ZabbixArgs {
    #[command(subcommand)]
    pub(crate) command: ZabbixCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ZabbixCommand {
    /// Write a template to import: items, triggers and macros of a line, and of monitord itself.
    Template(TemplateArgs),
    /// Write the role of a user who may read the lines and nothing else, and how to make it.
    Role(RoleArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TemplateArgs {
    /// The version of Zabbix that is to import it, or an earlier one.
    #[arg(long = "for", value_enum, value_name = "VERSION", default_value = "6.0")]
    pub(crate) format: TemplateFormat,
    /// The configuration whose items the template is to have. Without it, it has all there can be,
    /// under the keys of the annotated configuration.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set one key over file and environment.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, requires = "config")]
    pub(crate) overrides: Vec<Override>,
}

#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// The version of Zabbix that is to have it, or an earlier one. Groups of proxies take 7.0.
    #[arg(long = "for", value_name = "VERSION", default_value = "6.0")]
    pub(crate) version: Dialect,
    /// Instructions for people, or the parameters of `role.create`.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}

#[cfg(feature = "bench")]
#[derive(Debug, Args)]
pub(crate) struct BenchDeliveryArgs {
    /// Where values go.
    #[arg(long)]
    pub(crate) address: String,
    /// Where the spool is to be.
    #[arg(long)]
    pub(crate) directory: PathBuf,
    /// How many outcomes the outage lasts for. Before it there is a fifth as many.
    #[arg(long)]
    pub(crate) outcomes: u64,
    /// How many lines they are of.
    #[arg(long)]
    pub(crate) lines: u64,
    /// What begins the names of the lines.
    #[arg(long)]
    pub(crate) prefix: String,
}

#[derive(Debug, Args)]
pub(crate) struct GenArgs {
    #[command(subcommand)]
    pub(crate) command: GenCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GenCommand {
    /// Completions for a shell, to standard output.
    Completions {
        /// The shell.
        #[arg(value_enum, value_name = "SHELL")]
        shell: Shell,
    },
    /// Manual pages: that of `monitord` itself to standard output, or all of them into a directory.
    Man {
        /// The directory, which must exist.
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// A systemd unit, hardened, to standard output.
    Systemd,
    /// A JSON Schema of the configuration, for editors and pipelines, to standard output.
    Schema,
    /// A page about every key of the configuration, as Markdown, to standard output.
    Reference,
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
