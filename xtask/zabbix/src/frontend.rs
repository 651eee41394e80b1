//! The frontend, which is the API: PHP, served by PHP itself.

use std::fs;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::layout::Layout;
use crate::process::{Server, command};
use crate::say;

pub(crate) const NAME: &str = "frontend";
/// How many requests are served at the same time.
const WORKERS: &str = "4";

pub(crate) fn server(layout: &Layout) -> Server<'_> {
    Server { layout, name: NAME, port: layout.frontend_port(), stop_signal: Signal::TERM }
}

pub(crate) fn start(layout: &Layout) -> Result<()> {
    configure(layout)?;
    if server(layout).group().is_none() {
        say("starting frontend");
    }
    let mut php = command(layout, "php");
    php.env("PHP_CLI_SERVER_WORKERS", WORKERS);
    for setting in [
        "date.timezone=UTC",
        "post_max_size=64M",
        "memory_limit=1G",
        "max_execution_time=300",
        "max_input_time=300",
        "error_reporting=0",
        "display_errors=0",
    ] {
        php.args(["-d", setting]);
    }
    php.args(["-S", &format!("127.0.0.1:{}", layout.frontend_port())]);
    php.arg("-t").arg(layout.root().join("usr/share/zabbix"));
    server(layout).start(php)
}

/// Writes the frontend's configuration, and makes the frontend read it: Debian's looks for it in
/// `/etc/zabbix` and nowhere else.
fn configure(layout: &Layout) -> Result<()> {
    let conf = layout.conf("zabbix.conf.php");
    let (database, server) = (layout.database_port(), layout.server_port());
    let text = format!(
        "<?php
$DB = ['TYPE' => 'POSTGRESQL', 'SERVER' => '127.0.0.1', 'PORT' => '{database}',
    'DATABASE' => 'zabbix', 'USER' => 'zabbix', 'PASSWORD' => '', 'SCHEMA' => '',
    'ENCRYPTION' => false, 'KEY_FILE' => '', 'CERT_FILE' => '', 'CA_FILE' => '',
    'VERIFY_HOST' => false, 'CIPHER_LIST' => '', 'VAULT' => '', 'VAULT_URL' => '',
    'VAULT_DB_PATH' => '', 'VAULT_TOKEN' => '', 'VAULT_PREFIX' => '', 'DOUBLE_IEEE754' => true];
$ZBX_SERVER = '127.0.0.1';
$ZBX_SERVER_PORT = '{server}';
$ZBX_SERVER_NAME = 'lab';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"
    );
    fs::write(&conf, text)?;
    let class = layout.root().join("usr/share/zabbix/include/classes/core/CConfigFile.php");
    let text = fs::read_to_string(&class).with_context(|| format!("cannot read {class:?}"))?;
    let wanted = format!("CONFIG_FILE_PATH = '{}';", conf.display());
    let line = |line: &str| match line.find("CONFIG_FILE_PATH = '") {
        Some(at) => format!("{}{wanted}\n", &line[..at]),
        None => format!("{line}\n"),
    };
    fs::write(&class, text.lines().map(line).collect::<String>())?;
    Ok(())
}
