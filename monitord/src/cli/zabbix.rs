//! What Zabbix needs to know.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, key_value};
use crate::inventory::zabbix::Dialect;
use crate::settings::Override;
use crate::template::TemplateFormat;

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
    /// Let the user read the values of items too, as `monitord compare` does.
    #[arg(long)]
    pub(crate) history: bool,
    /// Instructions for people, or the parameters of `role.create`.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
}
