//! A machine to install things on: a fresh Debian with a booted systemd of its own, in a container.

mod image;
mod network;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

pub(crate) use image::Image;
pub(crate) use network::Network;

/// How long systemd may take to be up.
const BOOT_TIMEOUT: Duration = Duration::from_secs(90);
/// How long it may take to go down before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long one command in it may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// A running machine. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    folder: TempDir,
    /// The container's own process, which waits for the first one in it.
    container: Child,
    /// The first process in it, as it is called here.
    leader: String,
}

impl Guest {
    /// Unpacks `image` and boots it, in `network` or with a loopback and nothing else.
    pub(crate) fn boot(image: &Image, network: Option<&Network>) -> Result<Self> {
        let folder = tempfile::tempdir_in(image.folder()).context("cannot make a folder")?;
        let root = folder.path().join("root");
        image.unpack(&root)?;
        let console = File::create(folder.path().join("console"))?;
        let mut container = Command::new("systemd-nspawn");
        container.args(["--quiet", "--register=no", "--keep-unit", "--boot", "--link-journal=no"]);
        container.args(["--resolv-conf=off", "--machine=guest", "--console=pipe", "--directory"]);
        container.arg(&root);
        match network {
            Some(network) => container.arg(network.argument()),
            None => container.arg("--private-network"),
        };
        container.stdin(Stdio::null()).stdout(console.try_clone()?).stderr(console);
        let container = container.spawn().context("cannot run systemd-nspawn")?;
        let mut guest = Self { folder, container, leader: String::new() };
        guest.wait_until_up()?;
        Ok(guest)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        for _ in 0..BOOT_TIMEOUT.as_millis() / LOOK_EVERY.as_millis() {
            if self.container.try_wait()?.is_some() {
                break;
            }
            if let Some(leader) = leader(self.container.id()) {
                self.leader = leader;
                // `degraded` is up, too: a container lacks this and that.
                let state = self.run("systemctl is-system-running")?;
                let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
                if state == "running" || state == "degraded" {
                    return Ok(());
                }
            }
            pause(LOOK_EVERY);
        }
        let console = fs::read_to_string(self.folder.path().join("console")).unwrap_or_default();
        bail!("the guest does not boot:\n{console}")
    }

    /// Puts a file into it.
    pub(crate) fn put(&self, from: &Path, to: &str) -> Result<()> {
        let to = self.folder.path().join("root").join(to.trim_start_matches('/'));
        fs::copy(from, &to).with_context(|| format!("cannot copy {from:?} into the guest"))?;
        Ok(())
    }

    /// Puts a file with this text into it.
    pub(crate) fn write(&self, to: &str, text: &str) -> Result<()> {
        let to = self.folder.path().join("root").join(to.trim_start_matches('/'));
        fs::write(&to, text).with_context(|| format!("cannot write {to:?} in the guest"))
    }

    /// What came of running `command` in it, as root, by bash.
    pub(crate) fn run(&self, command: &str) -> Result<Output> {
        self.run_for(command, COMMAND_TIMEOUT)
    }

    /// As [`run`](Self::run), with another limit of its time.
    pub(crate) fn run_for(&self, command: &str, timeout: Duration) -> Result<Output> {
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &self.leader, "--mount", "--uts", "--ipc", "--net", "--pid"]);
        enter.args(["--root", "env", "--chdir=/root", "--ignore-environment"]);
        enter.args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]);
        enter.args(["DEBIAN_FRONTEND=noninteractive", "timeout", "--kill-after=5"]);
        enter.arg(timeout.as_secs().to_string());
        enter.args(["bash", "-euo", "pipefail", "-c", command]).stdin(Stdio::null());
        enter.output().context("cannot run nsenter")
    }

    /// What `command` printed, in which errors count as well.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub(crate) fn must(&self, command: &str) -> Result<String> {
        let output = self.run(command)?;
        let printed = text(&output);
        ensure!(output.status.success(), "in the guest, {}:\n{command}\n{printed}", output.status);
        Ok(printed)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // SIGTERM to its container makes systemd shut down.
        signal("-TERM", self.container.id());
        for _ in 0..STOP_TIMEOUT.as_millis() / LOOK_EVERY.as_millis() {
            if matches!(self.container.try_wait(), Ok(Some(_))) {
                return;
            }
            pause(LOOK_EVERY);
        }
        self.container.kill().ok();
        self.container.wait().ok();
    }
}

/// Both of what a command printed.
pub(crate) fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Fails with what to install when a program is not there, or whoever runs this is not root.
pub(crate) fn ensure_possible() -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "a guest takes root");
    let missing: Vec<_> = [
        ("debootstrap", "debootstrap"),
        ("systemd-nspawn", "systemd-container"),
        ("nsenter", "util-linux"),
        ("ip", "iproute2"),
    ]
    .into_iter()
    .filter(|(program, _)| !is_program(program))
    .map(|(_, package)| package)
    .collect();
    ensure!(missing.is_empty(), "a guest takes Debian's packages {}", missing.join(", "));
    Ok(())
}

fn is_program(name: impl AsRef<OsStr>) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name.as_ref())).any(|path| path.is_file())
}

/// The first process that the container has started.
fn leader(container: u32) -> Option<String> {
    let path = format!("/proc/{container}/task/{container}/children");
    fs::read_to_string(path).ok()?.split_whitespace().next().map(str::to_owned)
}

fn signal(signal: &str, process: u32) {
    Command::new("kill").arg(signal).arg(process.to_string()).status().ok();
}

/// Waits on this thread. Nothing else is on it.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing here is asynchronous: it waits for processes"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
