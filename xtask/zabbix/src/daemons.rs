//! The server and the proxies.

use std::fmt::Write;
use std::fs;

use anyhow::Result;
use rustix::process::Signal;

use crate::layout::Layout;
use crate::process::{Server, command, finish};
use crate::{Version, certificates, say};

pub(crate) const SERVER: &str = "server";
const SERVER_PROGRAM: &str = "zabbix_server";
const PROXY_PROGRAM: &str = "zabbix_proxy";

pub(crate) fn server(layout: &Layout) -> Server<'_> {
    daemon(layout, SERVER, layout.server_port())
}

pub(crate) fn proxy<'a>(layout: &'a Layout, name: &'a str, place: usize) -> Server<'a> {
    daemon(layout, name, layout.proxy_port(place))
}

fn daemon<'a>(layout: &'a Layout, name: &'a str, port: u16) -> Server<'a> {
    Server { layout, name, port, stop_signal: Signal::TERM }
}

pub(crate) fn start_server(layout: &Layout) -> Result<()> {
    let database_port = layout.database_port().to_string();
    let keys = [
        ("DBHost", "127.0.0.1"),
        ("DBPort", &database_port),
        ("DBName", "zabbix"),
        ("DBUser", "zabbix"),
        ("AllowUnsupportedDBVersions", "1"),
        ("StartDBSyncers", "1"),
        ("StartEscalators", "1"),
        ("StartAlerters", "1"),
        ("StartTimers", "1"),
        ("StartProxyPollers", "1"),
        ("StartLLDProcessors", "1"),
        ("CacheUpdateFrequency", "2"),
        ("CacheSize", "32M"),
        ("HistoryCacheSize", "8M"),
        ("HistoryIndexCacheSize", "4M"),
        ("TrendCacheSize", "4M"),
        ("ValueCacheSize", "8M"),
    ];
    start(&server(layout), SERVER_PROGRAM, &keys)
}

pub(crate) fn start_proxy(layout: &Layout, place: usize) -> Result<()> {
    let name = layout.version.proxies()[place];
    let database = layout.folder.join(format!("{name}.db")).display().to_string();
    let server = format!("127.0.0.1:{}", layout.server_port());
    let mut keys = vec![
        ("ProxyMode", "0"),
        ("Server", &server),
        ("Hostname", name),
        ("DBName", &database),
        ("DataSenderFrequency", "1"),
        ("ProxyOfflineBuffer", "24"),
        ("CacheSize", "16M"),
        ("HistoryCacheSize", "4M"),
        ("HistoryIndexCacheSize", "2M"),
    ];
    // How soon a proxy learns of a change is an hour by default in the older one.
    keys.extend_from_slice(match layout.version {
        Version::V6_0 => &[("ConfigFrequency", "2"), ("HeartbeatFrequency", "2")],
        Version::V7_0 => &[("ProxyConfigFrequency", "2"), ("ProxyBufferMode", "disk")],
    });
    let tls = certificates::of_proxy(layout);
    keys.extend(tls.iter().map(|(key, value)| (*key, value.as_str())));
    start(&proxy(layout, name, place), PROXY_PROGRAM, &keys)
}

/// Has those that run look at their configuration at once: the server at the database, the proxies
/// at the server.
pub(crate) fn reload(layout: &Layout) -> Result<()> {
    let proxies = layout.version.proxies().iter().enumerate();
    let proxies = proxies.map(|(place, name)| (proxy(layout, name, place), PROXY_PROGRAM));
    for (daemon, program) in std::iter::once((server(layout), SERVER_PROGRAM)).chain(proxies) {
        if daemon.group().is_some() {
            let mut told = command(layout, layout.root().join("usr/sbin").join(program));
            told.arg("-c").arg(layout.conf(&format!("{}.conf", daemon.name)));
            finish(told.args(["-R", "config_cache_reload"]), "reload a configuration")?;
        }
    }
    Ok(())
}

/// Starts one with `keys` beside those that all have: as few processes as it can do with.
fn start(server: &Server<'_>, program: &str, keys: &[(&str, &str)]) -> Result<()> {
    let Server { layout, name, port, .. } = *server;
    let log = layout.log(&format!("{name}.log")).display().to_string();
    // Each has a folder for its sockets: they have the same names.
    let sockets = layout.run(name);
    fs::create_dir_all(&sockets)?;
    crate::process::give_away(&sockets)?;
    let sockets = sockets.display().to_string();
    let pid_file = layout.run(&format!("{name}.pid")).display().to_string();
    let port = port.to_string();
    let shared = [
        ("ListenIP", "127.0.0.1"),
        ("ListenPort", &port),
        ("LogFile", &log),
        ("LogFileSize", "16"),
        ("PidFile", &pid_file),
        ("SocketDir", &sockets),
        ("StartPollers", "1"),
        ("StartPollersUnreachable", "1"),
        ("StartPingers", "0"),
        ("StartDiscoverers", "0"),
        ("StartHTTPPollers", "0"),
        ("StartTrappers", "5"),
        ("StartPreprocessors", "1"),
        ("Timeout", "4"),
        ("StatsAllowedIP", "127.0.0.1"),
    ];
    let mut text = String::new();
    for (key, value) in shared.iter().chain(keys) {
        writeln!(text, "{key}={value}")?;
    }
    let conf = layout.conf(&format!("{name}.conf"));
    fs::write(&conf, text)?;
    if server.group().is_none() {
        say(&format!("starting {name}"));
    }
    let mut daemon = command(layout, layout.root().join("usr/sbin").join(program));
    daemon.arg("-f").arg("-c").arg(&conf);
    server.start(daemon)
}
