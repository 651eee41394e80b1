//! Monitors leased lines from the routers they end on: logs in, pings the far end, reports.
//!
//! This crate wires: it reads the settings, makes drivers, pools and schedule, and takes the
//! outcomes to their sinks. It knows no prompt, no SSH and no due time.

mod app;
mod board;
mod catalog;
mod cli;
mod command;
mod compare;
mod control;
mod inventory;
mod limits;
mod metrics;
mod migrate;
mod output;
mod reload;
mod report;
mod schema;
mod session_log;
mod settings;
mod shutdown;
mod sink;
mod spool;
mod status;
mod supervised;
mod systemd;
mod telemetry;
mod template;
mod tls;
mod web;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match command::execute(cli::Cli::parse().command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::complain(&command::explain(&error));
            command::Exit::of(&error).into()
        }
    }
}
