//! Automation of the project, run as `cargo xtask <command>`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod api;
mod bench;
mod chaos;
mod demo;
mod deps;
mod dist;
mod follow;
mod graph;
mod guest;
mod lab_command;
mod layers;
mod oldest_rust;
mod run;
mod zabbix;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Something outside the project is not there: `EX_UNAVAILABLE` of `sysexits.h`.
const UNAVAILABLE: u8 = 69;

/// Automation of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build monitord and show it at work on simulated routers, a few of them sick.
    Demo(demo::Options),
    /// Start simulated routers, print a configuration for them, and wait for Ctrl-C.
    Lab(lab_command::Options),
    /// Start or stop a real Zabbix on loopback.
    Zabbix(zabbix::Options),
    /// Run monitord against a real Zabbix while everything around it fails, kill it again and
    /// again, and show that every check is accounted for.
    Chaos(chaos::Options),
    /// Measure ours against the bare bound of what is possible and against its peers.
    Bench(bench::Options),
    /// A process of its own for one side of a bench.
    #[command(hide = true)]
    BenchPart(bench::Part),
    /// Check that crates depend only on whom the architecture allows.
    Layers,
    /// Check the licences of the dependency tree and that no crate is in it twice unnoticed.
    Deps,
    /// Check that the public interface of each library is the one that is kept, or keep it.
    Api(api::Options),
    /// Make what a release consists of: tarball, Debian package, bill of materials, checksums.
    Dist(dist::Options),
    /// Do what a page of the documents says, to the letter, on a fresh machine with a router and a
    /// Zabbix.
    Follow(follow::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Lab(options) => lab_command::run(&options),
        Command::Zabbix(options) => zabbix::run(&options),
        Command::Chaos(options) => chaos::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::BenchPart(part) => bench::run_part(&part),
        Command::Layers => layers::check(),
        Command::Deps => deps::check(),
        Command::Api(options) => api::run(&options),
        Command::Dist(options) => dist::run(&options),
        Command::Follow(options) => follow::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<zabbix_lab::Unavailable>() {
                UNAVAILABLE.into()
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// clap finds contradictions only when a command is used, and in a debug build alone.
    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Cli::command().debug_assert();
    }
}
