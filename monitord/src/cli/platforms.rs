//! Platforms, and what they print.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

/// Platforms beside the built-in ones, for commands without a configuration.
#[derive(Debug, Args)]
pub(crate) struct DefinitionArgs {
    /// A directory with definitions of more platforms, one `NAME.toml` each.
    #[arg(long = "definitions", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
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
