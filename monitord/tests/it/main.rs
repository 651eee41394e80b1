//! The binary, end to end, against simulated routers and a trapper on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod control;
mod debug;
mod doctor;
mod dry_run;
mod endpoint;
mod follow;
mod generate;
mod leaks;
mod migrate;
mod monitoring;
mod pages;
mod pool;
mod probe;
mod prompt;
mod reload;
mod scenario;
mod secrets;
mod snapshot;
mod spool;
mod stop;
mod support;
mod systemd;
mod top;
mod trapper;
mod usage;
mod zabbix;
