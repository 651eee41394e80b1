//! What the operator wants: one file, over it the environment, over it the flags.
//!
//! The layers are merged to one tree of values (`source`), which is read section by section into
//! validated [`Settings`]. All problems are reported at once, each with its file, key and value.
//!
//! Only secrets are expanded (`${NAME}`, `file:`, `command:`); everywhere else these are texts
//! like any other. Relative paths start at the directory of the configuration file.

mod address;
mod allowed;
mod api;
mod checks;
mod connection;
mod control;
mod credentials;
mod declared;
mod described;
mod environment;
mod exposure;
mod file;
mod files;
mod fleet;
mod http;
mod inventory;
mod metrics;
mod origin;
mod peek;
mod pool;
mod problem;
mod reader;
mod reload;
mod root;
mod secret;
mod section;
mod sender;
mod source;
mod spool;
mod ssh;
mod terminal;
mod value;
mod yaml;
mod zabbix;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::pool::{FleetLimits, PoolOptions};
use config::ValueKind;
use pool_core::ConnectionConfig;
use scheduler::{CheckRules, Inventory, Router};

use crate::catalog::Catalog;
use crate::inventory::zabbix::{ApiSettings, Login, Resolver};
use crate::spool::SpoolSettings;
use crate::telemetry::LogSettings;

pub(crate) use address::address as trapper_address;
pub(crate) use allowed::Form;
pub(crate) use connection::{SshLimits, default_known_hosts};
pub(crate) use declared::Declared;
pub(crate) use described::{Key, Standard, keys};
pub(crate) use environment::Environment;
pub(crate) use file::FileSettings;
pub(crate) use files::{Digest, Files, Stamp, Stamps};
pub(crate) use http::HttpSettings;
pub(crate) use inventory::InventoryFile;
pub(crate) use inventory::LineDefaults;
pub(crate) use metrics::MetricsSettings;
pub(crate) use origin::{Origins, Place};
pub(crate) use peek::{control_socket, definitions_directory, inventory_places, tree_of};
pub(crate) use pool::Shown as ShownPoolOptions;
pub(crate) use problem::Invalid;
pub(crate) use secret::is_literal;
pub(crate) use section::nearest;
pub(crate) use source::Override;
pub(crate) use spool::shown as shown_size;
pub(crate) use ssh::{ALGORITHMS, HOST_KEY_POLICIES};
pub(crate) use zabbix::{Heartbeat, ItemKeys, ZabbixSettings};

use reader::Reader;
use root::{Surroundings, read_root};
use secret::Secrets;
use section::Section;

/// Everything that can be configured, validated.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How to log.
    pub(crate) log: LogSettings,
    /// Where `/metrics` and its companions are served; nowhere when absent.
    pub(crate) http: Option<HttpSettings>,
    /// Whom `/metrics` names.
    pub(crate) metrics: MetricsSettings,
    /// Where the daemon is asked by its operator; nowhere when absent.
    pub(crate) control_socket: Option<PathBuf>,
    /// The limits of a router that sets none of its own. Endpoint and credentials in it mean
    /// nothing.
    pub(crate) connection: ConnectionConfig,
    /// What all SSH sessions share.
    pub(crate) ssh: SshLimits,
    /// What all routers may have together.
    pub(crate) fleet: FleetLimits,
    /// How the sessions of every router are kept.
    pub(crate) pool: PoolOptions,
    /// How long a stop may take: checks in flight, delivery and logout together.
    pub(crate) shutdown_grace: Duration,
    /// What to check.
    pub(crate) inventory: Inventory,
    /// The file that a part of it stands in, if there is one.
    pub(crate) inventory_file: Option<InventoryFile>,
    /// How often to look whether that has changed; only when told to, when absent.
    pub(crate) inventory_refresh: Option<Duration>,
    /// What a line is when it does not say otherwise.
    pub(crate) line_defaults: LineDefaults,
    /// How the lines of a router are checked that has no rules of its own.
    pub(crate) rules: CheckRules,
    /// Where more lines are, if Zabbix has some.
    pub(crate) api: Option<ApiSettings>,
    /// Who logs in to the routers of those, where Zabbix does not say.
    pub(crate) logins: Vec<Login>,
    /// Where to report to, if to Zabbix.
    pub(crate) zabbix: Option<ZabbixSettings>,
    /// Where to write outcomes to, if to a file.
    pub(crate) file: Option<FileSettings>,
    /// Where outcomes wait until they are delivered.
    pub(crate) spool: SpoolSettings,
    /// How often the files of the configuration are looked at; only when told to, when absent.
    pub(crate) watch: Option<Duration>,
    /// What is not wrong, but not as it seems either. To be logged.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Where outcomes are reported to, if they are: during a trial beside the predecessor they are
    /// not.
    pub(crate) fn reporting(&self) -> Option<&ZabbixSettings> {
        self.zabbix.as_ref().filter(|zabbix| zabbix.reports)
    }

    /// Whether a daemon with these settings does the same as one with `other`, secrets included.
    /// Warnings are not compared: they name files.
    pub(crate) fn means_the_same_as(&self, other: &Self) -> bool {
        // A secret prints as stars; those that there can be are compared apart.
        let shown = |settings: &Self| {
            [
                format!("{:?} {:?} {:?}", settings.log, settings.http, settings.control_socket),
                format!("{:?} {:?} {:?}", settings.ssh, settings.fleet, settings.pool),
                format!("{:?} {:?}", settings.shutdown_grace, settings.inventory_refresh),
                format!("{:?} {:?}", settings.line_defaults, settings.rules),
                format!("{:?} {:?}", settings.file, settings.spool),
            ]
        };
        self.connection == other.connection
            && self.inventory == other.inventory
            && self.api == other.api
            && self.zabbix == other.zabbix
            && self.logins == other.logins
            && self.http == other.http
            && shown(self) == shown(other)
    }

    /// What makes an inventory of what Zabbix knows. A host may stand for a line of one of the
    /// `routers`, those of the configuration.
    pub(crate) fn resolver(&self, catalog: Catalog, routers: &[Router]) -> Resolver {
        Resolver::new(
            catalog,
            self.line_defaults.clone(),
            self.connection.clone(),
            self.rules.clone(),
            self.logins.clone(),
            routers,
        )
    }
}

/// Reads the settings from `path`, `environment` and `overrides`, each stronger than the one
/// before. `catalog` says which platforms there are.
///
/// # Errors
///
/// [`Invalid`] with every problem that was found.
pub(crate) fn load(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
    catalog: &Catalog,
) -> Result<Settings, Invalid> {
    load_with(path, environment, overrides, catalog, None, &Files::default())
}

/// The same, with `inventory_text` in place of what stands in `inventory.file`. Whatever comes of
/// it, what is read is noted in `files`.
///
/// # Errors
///
/// [`Invalid`] with every problem that was found.
pub(crate) fn load_with(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
    catalog: &Catalog,
    inventory_text: Option<&str>,
    files: &Files,
) -> Result<Settings, Invalid> {
    let tree =
        source::merged(path, environment, overrides, files).map_err(|one| Invalid(vec![one]))?;
    let name = path.display().to_string();
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let reader = Reader::new(Secrets::new(environment, directory.clone()).noting(files));
    let mut settings = Section::read(&reader, &name, "", tree, |root| {
        read_root(
            root,
            &Surroundings { reader: &reader, directory, catalog, environment, inventory_text },
        )
    });
    settings.warnings.extend(reader.warnings());
    settings.warnings.extend(exposure::places(&settings));
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(settings) } else { Err(Invalid(problems)) }
}

/// Every key that a configuration may have, in the order in which they are read.
fn declared(catalog: &Catalog) -> Vec<Declared> {
    let environment = Environment::default();
    let reader = Reader::declaring(Secrets::new(&environment, PathBuf::new()));
    let around = Surroundings {
        reader: &reader,
        directory: PathBuf::new(),
        catalog,
        environment: &environment,
        inventory_text: None,
    };
    let nothing = config::Value::new(None, ValueKind::Nil);
    Section::read(&reader, "", "", nothing, |root| read_root(root, &around));
    reader.into_declared()
}
