//! A configuration for a lab, and ways to run the binary with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lab::{Lab, LabRouter};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Nothing here takes this long; whatever does is stuck.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A folder with a configuration.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) config: Value,
}

impl Site {
    /// A site without routers or lines.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let known_hosts = folder.path().join("known_hosts");
        let config = json!({
            "connection": { "connect_timeout": "1s", "known_hosts": known_hosts },
            "defaults": { "interval": "10s", "ping": { "count": 2, "timeout": "1s" } },
            "routers": [],
            "lines": [],
        });
        Self { folder, config }
    }

    /// A site with all routers of `lab`, and one line for each, named like it.
    pub(crate) fn of(lab: &Lab) -> Self {
        let mut site = Self::empty();
        for router in lab.routers() {
            site.add_router(router, lab::DEFAULT_PASSWORD);
            site.add_line(router.name(), router.name());
        }
        site
    }

    pub(crate) fn add_router(&mut self, router: &LabRouter, password: &str) -> &mut Value {
        let address = router.address();
        self.push(
            "routers",
            json!({
                "name": router.name(), "host": address.ip().to_string(), "port": address.port(),
                "platform": router.platform(), "username": router.user(), "password": password,
            }),
        )
    }

    pub(crate) fn add_line(&mut self, id: &str, router: &str) -> &mut Value {
        self.push("lines", json!({ "id": id, "router": router, "target": "198.51.100.1" }))
    }

    fn push(&mut self, list: &str, item: Value) -> &mut Value {
        let list = self.config[list].as_array_mut().unwrap();
        list.push(item);
        list.last_mut().unwrap()
    }

    /// Where the configuration is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("monitord.json")
    }

    /// Writes the configuration, in one go as deployments do, and returns its path.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.path();
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, self.config.to_string()).unwrap();
        // It has passwords in it.
        let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&fresh, only_ours).unwrap();
        std::fs::rename(fresh, &path).unwrap();
        path
    }

    /// Runs `monitord COMMAND -c FILE MORE...` to its end.
    pub(crate) async fn run(&self, command: &str, more: &[&str]) -> Ended {
        let path = self.write();
        let config = ["-c", path.to_str().unwrap()];
        run(&[&[command], config.as_slice(), more].concat(), &[]).await
    }

    /// Starts the daemon, with its outcomes on standard output.
    pub(crate) async fn start(&self) -> Daemon {
        self.start_with(&["-o", "json"]).await
    }

    /// Starts the daemon, with its log as JSON.
    pub(crate) async fn start_with(&self, more: &[&str]) -> Daemon {
        self.start_in(&[], more).await
    }

    /// The same, with more environment.
    pub(crate) async fn start_in(&self, environment: &[(&str, &str)], more: &[&str]) -> Daemon {
        let mut child = binary()
            .envs(environment.iter().copied())
            .args(["run", "--log-format", "json", "-c"])
            .arg(self.write())
            .args(more)
            .spawn()
            .unwrap();
        let outcomes = collect(child.stdout.take().unwrap());
        let log = collect(child.stderr.take().unwrap());
        let daemon = Daemon { child, outcomes, log };
        daemon.wait_for("its start", || daemon.logged("started").is_some()).await;
        daemon
    }
}

/// A process that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Standard output as JSON Lines.
    pub(crate) fn json(&self) -> Vec<Value> {
        parse_lines(self.stdout.lines())
    }

    /// Everything it printed.
    pub(crate) fn everything(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the binary to its end.
pub(crate) async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = binary();
    command.args(arguments).envs(environment.iter().copied());
    timeout(RUN_TIMEOUT, command.output()).await.expect("it ends").unwrap().into()
}

/// The binary, in an environment that is empty but for the path.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_monitord"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// The daemon at work.
pub(crate) struct Daemon {
    child: Child,
    outcomes: Arc<Mutex<Vec<String>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The outcomes so far.
    pub(crate) fn outcomes(&self) -> Vec<Value> {
        parse_lines(self.outcomes.lock().iter().map(String::as_str))
    }

    /// The first message of the log that begins with `text`.
    pub(crate) fn logged(&self, text: &str) -> Option<Value> {
        self.log().into_iter().find(|line| line["message"].as_str().unwrap_or("").starts_with(text))
    }

    /// The log so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        parse_lines(self.log.lock().iter().map(String::as_str))
    }

    /// Where its pages are, when the configuration left the port open.
    pub(crate) fn http(&self) -> SocketAddr {
        let started = self.logged("started").expect("it has started");
        started["http"].as_str().expect("it serves pages").parse().unwrap()
    }

    /// Waits until `holds`, or fails with what it waited for and the log.
    pub(crate) async fn wait_for(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + RUN_TIMEOUT;
        while !holds() {
            assert!(Instant::now() < end, "waited for {what}; log: {:#?}", self.log.lock());
            sleep(POLL).await;
        }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        send_signal(name, self.pid());
    }

    /// Sends SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for its end and returns its exit code and the time that took.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let status = timeout(RUN_TIMEOUT, self.child.wait()).await.expect("it ends").unwrap();
        (status.code(), began.elapsed())
    }
}

/// Sends a signal, by its name without `SIG`, to a process that was started here.
pub(crate) fn send_signal(name: &str, pid: u32) {
    let arguments = [format!("-{name}"), pid.to_string()];
    let sent = std::process::Command::new("kill").args(arguments).status().unwrap();
    assert!(sent.success());
}

fn collect(stream: impl AsyncRead + Send + Unpin + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let sink = lines.clone();
    tokio::spawn(async move {
        let mut stream = BufReader::new(stream).lines();
        while let Ok(Some(line)) = stream.next_line().await {
            sink.lock().push(line);
        }
    });
    lines
}

fn parse_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Value> {
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}
