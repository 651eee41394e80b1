//! What packagers, shells and editors need.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

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
