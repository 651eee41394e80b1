//! What this process has used.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Processor time and time on the clock, from here on.
pub(super) struct Stopwatch {
    began: Instant,
    processor: Duration,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), processor: processor_time() }
    }

    /// Rounds per second, and processor time of one round in milliseconds.
    pub(super) fn per_round(&self, rounds: usize) -> Vec<f64> {
        let processor = processor_time().saturating_sub(self.processor);
        let rounds = rounds as f64;
        vec![rounds / self.began.elapsed().as_secs_f64(), processor.as_secs_f64() * 1e3 / rounds]
    }
}

/// Of all threads of this process, those that have ended included.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("no process has used less than nothing");
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Memory of this process that is in use, in KiB, and its threads.
pub(super) fn memory_and_threads() -> Result<(f64, f64)> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read /proc")?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|rest| rest.split_ascii_whitespace().next());
        word.and_then(|word| word.parse().ok()).with_context(|| format!("no {name} in /proc"))
    };
    Ok((field("VmRSS:")?, field("Threads:")?))
}

/// Figures of a crowd of sessions: memory of each and threads, idle and waiting.
pub(super) struct Crowd {
    empty_kib: f64,
    sessions: f64,
    figures: Vec<f64>,
}

impl Crowd {
    /// Before there are sessions.
    pub(super) fn new(sessions: usize) -> Result<Self> {
        let empty_kib = memory_and_threads()?.0;
        Ok(Self { empty_kib, sessions: sessions as f64, figures: Vec::new() })
    }

    /// Takes the figures of the sessions in the state they are in.
    pub(super) fn look(&mut self) -> Result<()> {
        let (kib, threads) = memory_and_threads()?;
        self.figures.extend([(kib - self.empty_kib) / self.sessions, threads]);
        Ok(())
    }

    pub(super) fn into_figures(self) -> Vec<f64> {
        self.figures
    }
}
