//! `cargo xtask bench`: ours beside the bare bound of what is possible and beside its peers.
//!
//! Machines differ and are shared, so only figures of one run are compared: all contestants take
//! their turns in every round, and what is shown is the median of the rounds.

mod cli;
mod delivery;
mod fleet;
mod hang;
mod inventory;
mod part;
mod pool;
mod processors;
mod report;
mod rounds;
mod scheduler;
mod ssh;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

pub(crate) use self::part::{Part, run_part};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure.
    #[arg(value_enum)]
    bench: Bench,
    /// What to print: a table with the targets beside it, or JSON Lines.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Do not build with optimisation: to try whether a bench works. Its figures say nothing.
    #[arg(long)]
    unoptimised: bool,
    #[command(flatten, next_help_heading = "What `fleet`, `reload` and `startup` measure")]
    fleet: fleet::Sizes,
    #[command(flatten, next_help_heading = "What `delivery` measures")]
    delivery: delivery::Sizes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// The interactive command line, against a bare read of the same bytes.
    Cli,
    /// The session pool, against a semaphore around a list, deadpool and bb8.
    Pool,
    /// How late operations are back that a sick router would hold, against a bare timer.
    Hang,
    /// Logins and commands over SSH, against a bare ssh2 loop and russh.
    Ssh,
    /// Outcomes through spool and sender, against a bare loop that sends.
    Delivery,
    /// Taking lines from Zabbix, against fetching and reading the same answers.
    Inventory,
    /// The scheduler, from ten thousand lines to a million.
    Scheduler,
    /// A hundred reloads while monitord checks a lab full of routers, against the same without.
    Reload,
    /// From the start of monitord to its first check, and what it takes afterwards.
    Startup,
    /// monitord on a lab full of routers, a part of them sick, against the same without sick ones.
    Fleet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Json,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) && !options.unoptimised {
        return run_optimised();
    }
    let rows = match options.bench {
        Bench::Cli => cli::run()?,
        Bench::Pool => pool::run()?,
        Bench::Hang => {
            print!("{}", hang::run(options.output)?);
            return Ok(());
        }
        Bench::Ssh => ssh::run()?,
        Bench::Delivery => delivery::run(options.delivery)?,
        Bench::Inventory => inventory::run()?,
        Bench::Scheduler => scheduler::run()?,
        Bench::Fleet => return fleet::run(&options.fleet, options.output),
        Bench::Reload => return fleet::run_reload(&options.fleet, options.output),
        Bench::Startup => return fleet::run_startup(&options.fleet, options.output),
    };
    options.output.print(&rows)
}

impl Output {
    fn print(self, rows: &[report::Row]) -> Result<()> {
        match self {
            Self::Table => print!("{}", report::table(rows)),
            Self::Json => print!("{}", report::json_lines(rows)?),
        }
        Ok(())
    }
}

/// Runs the same command in a release build: figures of a debug build say nothing.
fn run_optimised() -> Result<()> {
    eprintln!("building with optimisation (the first time takes some minutes) ...");
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the release build of the bench ended with {status}");
    Ok(())
}
