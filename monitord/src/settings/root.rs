//! All sections, each by its own reader.

use std::path::PathBuf;
use std::time::Duration;

use super::peek::read_platforms;
use super::reader::Reader;
use super::section::Section;
use super::value::{duration_within, one_of};
use super::{
    Environment, Settings, api, connection, control, file, fleet, http, inventory, metrics, pool,
    reload, spool, zabbix,
};
use crate::catalog::Catalog;
use crate::telemetry::{LogFormat, LogLevel, LogSettings};

/// How long a stop may take when nothing is configured. It is less than the 90 s after which
/// systemd kills, and more than an exchange with a slow Zabbix.
const SHUTDOWN_GRACE_DEFAULT: Duration = Duration::from_secs(10);

/// What reading needs besides the values.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) directory: PathBuf,
    pub(super) catalog: &'a Catalog,
    pub(super) environment: &'a Environment,
    pub(super) inventory_text: Option<&'a str>,
}

/// Reads everything. What is wrong is with the reader then.
pub(super) fn read_root<'a>(root: &mut Section<'a>, around: &Surroundings<'a>) -> Settings {
    let mut warnings = Vec::new();
    // Its value has been used already, to make the catalog.
    root.section("platforms", read_platforms);
    let log = root.section("log", read_log).unwrap_or_default();
    let http = root.section("http", |section| http::read(section, around, &mut warnings));
    let metrics = root.section("metrics", metrics::read).unwrap_or_default();
    let socket = root.section("control", |section| control::read(section, &around.directory));
    let control_socket = socket.flatten().or_else(|| control::default(around.environment));
    let (connection, ssh) = connection::read_defaults(root, around);
    let fleet = root.section("fleet", fleet::read).unwrap_or_default();
    let pool = root.section("pool", pool::read).unwrap_or_default();
    let (has_api, api, zabbix) = root
        .section("zabbix", |zabbix| {
            let has_api = zabbix.has("api") || zabbix.has("serverip");
            let api = api::read(zabbix, around, &mut warnings);
            (has_api, api, zabbix::read(zabbix, around, &mut warnings))
        })
        .unwrap_or_default();
    let logins = api::read_logins(root, around);
    let file = root.section("file", |section| file::read(section, around)).flatten();
    let is_used = file.is_some() || zabbix.as_ref().is_some_and(|zabbix| zabbix.reports);
    let spool = spool::read(root, around, is_used, &mut warnings);
    let watch = root.section("reload", reload::read).flatten();
    let grace = duration_within(Duration::from_secs(1)..=Duration::from_secs(600));
    let shutdown_grace = root.get("shutdown_grace", grace).unwrap_or(SHUTDOWN_GRACE_DEFAULT);
    let inventory::Read { inventory, file: inventory_file, refresh, defaults, rules } =
        inventory::read(root, &connection, around, has_api, &mut warnings);
    Settings {
        log,
        http: http.flatten(),
        metrics,
        control_socket,
        ssh,
        connection,
        fleet,
        pool,
        shutdown_grace,
        inventory,
        inventory_file,
        inventory_refresh: refresh,
        line_defaults: defaults,
        rules,
        api,
        logins,
        zabbix,
        file,
        spool,
        watch,
        warnings,
    }
}

fn read_log(log: &mut Section<'_>) -> LogSettings {
    LogSettings {
        level: log.get("level", one_of(LogLevel::NAMES)).unwrap_or_default(),
        format: log.get("format", one_of(LogFormat::NAMES)).unwrap_or_default(),
    }
}
