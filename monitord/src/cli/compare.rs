//! `compare`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ConfigArgs, Format};

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The outcomes of the trial, as JSON Lines, or `-` for standard input. Default: the files of
    /// `file.path`.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Only this line; may be repeated.
    #[arg(long = "line", value_name = "ID")]
    pub(crate) lines: Vec<String>,
    /// Show so many of the differences of each line.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) first: usize,
    /// End with 1 when there is a difference that no known reason explains.
    #[arg(long)]
    pub(crate) fail: bool,
    /// How long asking Zabbix may take.
    #[arg(long, value_name = "TIME", default_value = "10m",
          value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// `json`: JSON Lines, one for each line, and a summary.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}
