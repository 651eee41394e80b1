//! monitord, which is killed and started again, and everything that it says meanwhile.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::account::{Outcome, Run};
use super::clock::SteppedClock;
use super::{now_ms, pause};

/// How long it may take to begin. After a kill it looks at its whole spool.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// More than the time that it gives itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// monitord, running or not.
#[derive(Debug)]
pub(super) struct Daemon {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    runs: Vec<Run>,
}

impl Daemon {
    pub(super) fn new(binary: PathBuf, config: PathBuf, folder: &Path) -> Self {
        Self {
            binary,
            config,
            log: folder.join("monitord.log"),
            child: None,
            outcomes: Arc::default(),
            runs: Vec::new(),
        }
    }

    /// Starts it, with this clock, and waits until it works.
    pub(super) fn start(&mut self, clock: &SteppedClock) -> Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let size = log.metadata()?.len();
        let mut command = Command::new(&self.binary);
        command.args(["run", "-o", "json", "--log-format", "json", "-c"]).arg(&self.config);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        clock.wind(&mut command);
        let mut child = command.spawn().context("cannot run monitord")?;
        let outcomes = child.stdout.take().context("no standard output")?;
        let (kept, run) = (self.outcomes.clone(), self.runs.len());
        std::thread::spawn(move || {
            for line in BufReader::new(outcomes).lines().map_while(Result::ok) {
                // The last line of a killed process may be half of one.
                if let Ok(line) = serde_json::from_str::<Value>(&line) {
                    kept.lock().extend(Outcome::read(&line, run, now_ms()));
                }
            }
        });
        self.child = Some(child);
        let end = Instant::now() + START_TIMEOUT;
        // It works when it has its lines: of the API, or what it has kept of them while that is away.
        while !self.log_since(size)?.contains(r#""message":"inventory changed""#) {
            ensure!(Instant::now() < end, "monitord does not start: {}", self.log_since(size)?);
            pause(Duration::from_millis(20))?;
        }
        let started_ms = now_ms();
        self.runs.push(Run {
            start_ms: started_ms + clock.offset_ms(),
            started_ms,
            end_ms: i64::MAX,
            ended_ms: i64::MAX,
            killed: false,
        });
        Ok(())
    }

    /// Kills it, which leaves it no time for anything.
    pub(super) fn kill(&mut self, clock: &SteppedClock) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        let ended_ms = now_ms();
        child.kill()?;
        child.wait()?;
        self.note_end(ended_ms, clock, true);
        Ok(())
    }

    /// Asks it to end, and waits for that.
    pub(super) fn stop(&mut self, clock: &SteppedClock) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        let ended_ms = now_ms();
        // `kill` is in every base system; std can only kill outright.
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        let end = Instant::now() + STOP_TIMEOUT;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < end, "monitord does not end");
            pause(Duration::from_millis(20))?;
        };
        ensure!(status.success(), "monitord ended with {status}");
        self.note_end(ended_ms, clock, false);
        Ok(())
    }

    fn note_end(&mut self, ended_ms: i64, clock: &SteppedClock, killed: bool) {
        if let Some(run) = self.runs.last_mut() {
            *run = Run { end_ms: ended_ms + clock.offset_ms(), ended_ms, killed, ..*run };
        }
    }

    /// What waits in its spool, held or not; it need not run.
    pub(super) fn waiting(&self) -> Result<u64> {
        let said = Command::new(&self.binary)
            .args(["spool", "stat", "-o", "json", "-c"])
            .arg(&self.config)
            .output()?;
        let stat: Value = serde_json::from_slice(&said.stdout)
            .with_context(|| String::from_utf8_lossy(&said.stderr).into_owned())?;
        let count = |key: &str| match &stat["sinks"][0][key] {
            Value::Array(list) => list.len() as u64,
            other => other.as_u64().unwrap_or(0),
        };
        Ok(count("pending") + count("held"))
    }

    /// Its lives, and what it said in them.
    pub(super) fn said(&self) -> (Vec<Run>, Vec<Outcome>) {
        (self.runs.clone(), self.outcomes.lock().clone())
    }

    /// Messages of its log, by how often each came.
    pub(super) fn messages(&self) -> Result<std::collections::BTreeMap<String, usize>> {
        let mut counts = std::collections::BTreeMap::new();
        for line in self.log_since(0)?.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            if matches!(line["level"].as_str(), Some("WARN" | "ERROR")) {
                let message = line["message"].as_str().unwrap_or_default();
                *counts.entry(message.to_owned()).or_default() += 1;
            }
        }
        Ok(counts)
    }

    fn log_since(&self, size: u64) -> Result<String> {
        let text = std::fs::read_to_string(&self.log)?;
        Ok(text.get(usize::try_from(size)?..).unwrap_or_default().to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
