//! `cargo xtask demo`: monitord at work on simulated routers, a few of them sick.

mod screen;
mod status;

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use lab::Lab;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::lab_command;

/// How often the table is drawn again.
const REDRAW_INTERVAL: Duration = Duration::from_millis(500);
/// Longer than the daemon's own grace period, which it may use in full.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End after this long, for example `20s`. Without it the demo runs until Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// What to show: a live table, or the outcomes as JSON Lines.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Healthy routers of each platform.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50))]
    per_platform: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

/// Builds, starts the lab, runs the daemon against it, and shows what it reports.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = build_monitord()?;
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let fleet = lab::demo_fleet(usize::from(options.per_platform), true);
    let lab = runtime.block_on(Lab::start(fleet))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let http = free_address()?;
    let config = lab_command::write_config(&lab, folder.path(), Some(http))?;
    let mut daemon = Daemon::start(&binary, &config, folder.path(), options.output)?;
    let stop = stop_signal(&runtime, options.duration);
    let shown = match options.output {
        Output::Json => show_outcomes(&mut daemon, stop, &runtime),
        Output::Table => runtime.block_on(show_table(&mut daemon, http, stop)),
    };
    let ended = daemon.stop();
    shown?;
    let status = ended?;
    ensure!(status.success(), "monitord ended with {status}; its log:\n{}", daemon.log_tail());
    Ok(())
}

pub(crate) fn build_monitord() -> Result<PathBuf> {
    build(&[])
}

/// Builds monitord with more arguments for cargo, and returns where it is.
pub(crate) fn build(more: &[&str]) -> Result<PathBuf> {
    eprintln!("building monitord (the first time takes some minutes, OpenSSL included) ...");
    let mut build = Command::new(env!("CARGO"))
        .args(["build", "--package=monitord", "--message-format=json-render-diagnostics"])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo build")?;
    let messages = build.stdout.take().context("cargo build has no output")?;
    let binary = BufReader::new(messages).lines().map_while(Result::ok).fold(None, executable);
    ensure!(build.wait()?.success(), "cargo build failed");
    binary.context("cargo build named no executable")
}

/// The executable that a message of cargo names, or else the one that an earlier message named.
fn executable(earlier: Option<PathBuf>, message: String) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(&message).ok()?;
    message["executable"].as_str().map(PathBuf::from).or(earlier)
}

/// A port that nobody uses right now. Another process may take it before the daemon does, which
/// then ends with a clear error.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?)
}

/// Completes at Ctrl-C, or at the end of the time that was asked for.
fn stop_signal(runtime: &Runtime, duration: Option<Duration>) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(async move {
        let elapsed = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = elapsed => {}
        }
        sender.send(()).ok();
    });
    receiver
}

fn show_outcomes(
    daemon: &mut Daemon,
    stop: oneshot::Receiver<()>,
    runtime: &Runtime,
) -> Result<()> {
    let outcomes = daemon.outcomes.take().context("the outcomes are already being read")?;
    let copying = std::thread::spawn(move || copy_lines(outcomes));
    runtime.block_on(stop).ok();
    daemon.terminate();
    match copying.join() {
        Ok(copied) => copied,
        Err(_) => bail!("copying the outcomes panicked"),
    }
}

fn copy_lines(outcomes: ChildStdout) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(outcomes).lines() {
        writeln!(out, "{}", line?)?;
        out.flush()?;
    }
    Ok(())
}

async fn show_table(
    daemon: &mut Daemon,
    http: SocketAddr,
    mut stop: oneshot::Receiver<()>,
) -> Result<()> {
    let live = std::io::stdout().is_terminal();
    let mut screen = screen::Screen::new(live);
    let mut latest = None;
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            () = tokio::time::sleep(REDRAW_INTERVAL) => {}
        }
        if let Some(status) = daemon.ended()? {
            bail!("monitord ended by itself with {status}; its log:\n{}", daemon.log_tail());
        }
        if let Ok(status) = status::fetch(http).await {
            if live {
                screen.draw(&status)?;
            }
            latest = Some(status);
        }
    }
    let latest = latest.context("monitord never answered on its status page")?;
    screen.finish(&latest)
}

/// The daemon under show. Ends with us, whatever happens.
pub(crate) struct Daemon {
    child: Child,
    /// What it prints, until somebody reads it.
    pub(crate) outcomes: Option<ChildStdout>,
    log: PathBuf,
}

impl Daemon {
    pub(crate) fn start(
        binary: &Path,
        config: &Path,
        folder: &Path,
        output: Output,
    ) -> Result<Self> {
        let log = folder.join("monitord.log");
        let mut command = Command::new(binary);
        command.args(["run", "--config"]).arg(config);
        // As its unit has it.
        command.env("MALLOC_ARENA_MAX", "1");
        command.stderr(std::fs::File::create(&log)?).stdin(Stdio::null());
        match output {
            Output::Json => command.args(["--output", "json"]).stdout(Stdio::piped()),
            Output::Table => command.stdout(Stdio::null()),
        };
        let mut child = command.spawn().with_context(|| format!("cannot run {binary:?}"))?;
        let outcomes = child.stdout.take();
        Ok(Self { child, outcomes, log })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks the daemon to end. `kill` is in every base system; std can only kill outright.
    fn terminate(&mut self) {
        let process = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &process]).status().ok();
    }

    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.terminate();
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        self.child.kill().ok();
        Ok(self.child.wait()?)
    }

    pub(crate) fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
