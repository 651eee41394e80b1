//! A real Zabbix on loopback, to test against: PostgreSQL, server, web API and active proxies.
//!
//! It comes from Debian 12's packages, which are unpacked into a folder of the lab's own and not
//! installed (the packages of server and proxy, and those of two versions, exclude each other).
//! What they need of the system is installed when it is missing, which takes root. No systemd and
//! no containers are needed. As root, everything runs as `nobody`, because PostgreSQL refuses root.
//!
//! A lab is a folder. It remembers its ports and processes, so that [`ZabbixLab::up`] starts only
//! what is not there and [`ZabbixLab::down`] ends only what the lab has started, in whichever
//! process that was. Every part can be stopped and started by itself.
//!
//! It is a fixture: passwords are the well-known ones, the database trusts everyone on loopback
//! and does not survive a power cut.

mod api;
mod certificates;
mod daemons;
mod database;
mod frontend;
mod lab;
mod layout;
mod packages;
mod process;
mod provision;
mod version;

pub use api::Api;
pub use certificates::SenderTls;
pub use lab::{Access, Part, Proxy, ProxyGroup, ZabbixLab};
pub use packages::Unavailable;
pub use version::Version;

/// Tells what is going on. A start takes from a second to minutes, and whoever waits wants to know.
#[expect(clippy::print_stderr, reason = "a fixture speaks to whoever runs it")]
fn say(text: &str) {
    eprintln!("zabbix: {text}");
}
