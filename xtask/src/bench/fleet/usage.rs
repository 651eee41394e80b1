//! What a process uses, as the kernel tells.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;

/// Of one process, at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Of all its threads since its start, those that have ended included.
    pub(super) processor: Duration,
    pub(super) threads: f64,
    pub(super) memory_mib: f64,
}

impl Usage {
    pub(super) fn of(process: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let status = read("status")?;
        let field = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|rest| rest.split_ascii_whitespace().next());
            word.and_then(|word| word.parse().ok()).with_context(|| format!("no {name} in /proc"))
        };
        Ok(Self {
            processor: processor_time(&read("stat")?).context("no times in /proc")?,
            threads: field("Threads:")?,
            memory_mib: field("VmRSS:")? / 1024.0,
        })
    }
}

/// Times in user and in kernel mode: fields 14 and 15 of proc_pid_stat(5). The second field is a
/// name in parentheses, which may hold anything.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 250 150 9 9 20 0 3 0 100 0";
        let ticks = clock_ticks_per_second() as f64;
        assert_eq!(processor_time(stat), Some(Duration::from_secs_f64(400.0 / ticks)));
        assert_eq!(processor_time("7 (a) S 1"), None);
    }
}
