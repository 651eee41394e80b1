//! Processes that outlive the one that started them, and are found again by a file.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::layout::Layout;

/// `nobody` and `nogroup` on Debian.
const NOBODY: u32 = 65_534;
/// How long a process may take until it answers on its port.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to end before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How much of a log explains a failed start.
const LOG_LINES_TOLD: usize = 8;

/// Whether this process may do everything, and therefore must not run servers as it is.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command as the user who runs the servers, with nothing of this process's environment but the
/// way to programs.
pub(crate) fn command(layout: &Layout, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", &layout.folder).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    command.current_dir(&layout.folder).stdin(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Gives `path` to the user who runs the servers.
pub(crate) fn give_away(path: &Path) -> Result<()> {
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))
            .with_context(|| format!("cannot give {path:?} away"))?;
    }
    Ok(())
}

/// Runs `command` to its end.
///
/// # Errors
///
/// With the last lines of what it printed, when it fails.
pub(crate) fn finish(command: &mut Command, what: &str) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot {what}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    bail!("cannot {what}: {}\n{}", output.status, tail(&(printed + &complaint)))
}

/// A server that runs in a process group of its own.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) name: &'a str,
    pub(crate) port: u16,
    /// What makes it end in good order.
    pub(crate) stop_signal: Signal,
}

impl Server<'_> {
    /// Starts it with `command` unless it runs, and waits until its port answers.
    pub(crate) fn start(&self, mut command: Command) -> Result<()> {
        if self.group().is_none() {
            let (name, port) = (self.name, self.port);
            ensure!(!self.answers(), "port {port} of {name} is taken by somebody else");
            let log = self.layout.log(&format!("{name}.out"));
            let log = OpenOptions::new().create(true).append(true).open(log)?;
            command.stdout(log.try_clone()?).stderr(log).process_group(0);
            let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
            let begun = began(child.id()).with_context(|| format!("{name} ended at once"))?;
            fs::write(self.record(), format!("{} {begun}", child.id()))?;
        }
        self.wait_until_ready()
    }

    fn wait_until_ready(&self) -> Result<()> {
        for _ in 0..READY_TIMEOUT.as_millis() / LOOK_EVERY.as_millis() {
            if self.answers() {
                return Ok(());
            }
            if self.group().is_none() {
                break;
            }
            pause(LOOK_EVERY);
        }
        let mut told = String::new();
        for log in [format!("{}.out", self.name), format!("{}.log", self.name)] {
            told.push_str(&tail(&fs::read_to_string(self.layout.log(&log)).unwrap_or_default()));
        }
        bail!("{} does not answer on port {}:\n{told}", self.name, self.port)
    }

    /// Ends it, with everything that it has started, if it runs.
    pub(crate) fn stop(&self) -> Result<()> {
        self.end(self.stop_signal)
    }

    /// Ends it at once, without a chance to write anything.
    pub(crate) fn kill(&self) -> Result<()> {
        self.end(Signal::KILL)
    }

    fn end(&self, signal: Signal) -> Result<()> {
        let Some(group) = self.group() else { return Ok(()) };
        // It may end by itself at any moment.
        kill_process_group(group, signal).ok();
        let looks = STOP_TIMEOUT.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            if !group_lives(group) {
                fs::remove_file(self.record()).ok();
                return Ok(());
            }
            pause(LOOK_EVERY);
        }
        ensure!(signal != Signal::KILL, "{} cannot be killed", self.name);
        self.end(Signal::KILL)
    }

    /// Its process group, as long as the process that leads it is the one that was started.
    pub(crate) fn group(&self) -> Option<Pid> {
        let record = fs::read_to_string(self.record()).ok()?;
        let (pid, begun) = record.split_once(' ')?;
        let pid: u32 = pid.parse().ok()?;
        (began(pid)? == begun).then_some(())?;
        Pid::from_raw(pid.try_into().ok()?)
    }

    fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn record(&self) -> std::path::PathBuf {
        self.layout.run(&format!("{}.process", self.name))
    }
}

/// When a process began, in the kernel's ticks: with its number, its identity. Nothing when it has
/// ended, though nobody may have asked for its status yet.
fn began(pid: u32) -> Option<String> {
    let stat = Stat::of(pid)?;
    (stat.state != "Z").then_some(stat.begun)
}

/// Whether any process of `group` lives: PHP's workers outlive their master, for example.
fn group_lives(group: Pid) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let group = group.as_raw_nonzero().to_string();
    pids.filter_map(Stat::of).any(|stat| stat.group == group && stat.state != "Z")
}

struct Stat {
    state: String,
    group: String,
    begun: String,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name of the program stands in parentheses and may have some in it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |place: usize| fields.get(place).map(|text| (*text).to_owned());
        Some(Self { state: field(0)?, group: field(2)?, begun: field(19)? })
    }
}

/// Waits on this thread. Nothing else is on it.
#[expect(
    clippy::disallowed_methods,
    reason = "the lab is not asynchronous: it waits for processes"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_TOLD)..]
        .iter()
        .map(|line| format!("  {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Version;

    #[test]
    fn only_the_process_that_was_started_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open_or_create(folder.path(), Version::V6_0).unwrap();
        let server = Server { layout: &layout, name: "some", port: 1, stop_signal: Signal::TERM };
        let mut sleep = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let begun = began(sleep.id()).unwrap();
        // The number is that of another process by now: it began at another time.
        fs::write(server.record(), format!("{} {begun}0", sleep.id())).unwrap();
        assert_eq!(server.group(), None);
        server.stop().unwrap();
        assert_eq!(began(sleep.id()).as_ref(), Some(&begun));
        fs::write(server.record(), format!("{} {begun}", sleep.id())).unwrap();
        server.stop().unwrap();
        assert_eq!(server.group(), None);
        assert!(!sleep.wait().unwrap().success());
    }
}
