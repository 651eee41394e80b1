//! What waits for delivery.

#[cfg(feature = "bench")]
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConfigArgs, Format};

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
