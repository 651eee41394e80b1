//! A real OpenSSH server on loopback.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::must;

/// The account that the tests log in to. Made once, and left on the machine.
const USER: &str = "monitord-test";
const PASSWORD: &str = "test-only-password";

static ACCOUNT: Once = Once::new();

/// What differs from server to server.
pub(crate) struct SshdOptions<'a> {
    /// The type of the host key, as `ssh-keygen -t` takes it.
    pub(crate) host_key: &'a str,
    /// Further lines of `sshd_config`. The first line of a keyword counts, and these come first.
    pub(crate) lines: &'a [&'a str],
}

impl Default for SshdOptions<'_> {
    fn default() -> Self {
        Self { host_key: "ed25519", lines: &[] }
    }
}

/// A running server. Ends with the value.
pub(crate) struct Sshd {
    folder: TempDir,
    host_key: String,
    port: u16,
    process: Child,
}

impl Sshd {
    pub(crate) fn start(options: SshdOptions<'_>) -> Self {
        ACCOUNT.call_once(make_account);
        let folder = tempfile::tempdir().unwrap();
        // The login user must be able to read the keys it may log in with.
        must("chmod", &["755", folder.path().to_str().unwrap()]);
        let port = free_port();
        write_config(folder.path(), port, options.lines);
        make_key(&folder.path().join("host_key"), options.host_key, "");
        let process = spawn(folder.path(), port);
        Self { folder, host_key: options.host_key.to_owned(), port, process }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn user(&self) -> &'static str {
        USER
    }

    pub(crate) fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Makes a key, allows it to log in, and returns its path.
    pub(crate) fn authorize_key(&self, kind: &str, passphrase: &str) -> PathBuf {
        let name =
            format!("user_{kind}_{}", if passphrase.is_empty() { "plain" } else { "locked" });
        let key = self.folder().join(name);
        make_key(&key, kind, passphrase);
        self.authorize(&key);
        key
    }

    /// Makes a key as `ssh-keygen` is told to, allows it to log in, and returns its path.
    pub(crate) fn authorize_key_made_by(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let key = self.folder().join(name);
        must("ssh-keygen", &[&["-q", "-f", key.to_str().unwrap()], arguments].concat());
        self.authorize(&key);
        key
    }

    /// What the server wrote to its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("sshd.log")).unwrap_or_default()
    }

    /// Ends the server and all its sessions, as a reboot does, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.end();
        self.process = spawn(self.folder(), self.port);
    }

    fn authorize(&self, key: &Path) {
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        let authorized = self.folder().join("authorized_keys");
        let mut all = std::fs::read_to_string(&authorized).unwrap_or_default();
        all.push_str(&public);
        std::fs::write(&authorized, all).unwrap();
    }

    pub(crate) fn restart_with_new_host_key(&mut self) {
        self.end();
        let host_key = self.folder().join("host_key");
        std::fs::remove_file(&host_key).unwrap();
        make_key(&host_key, &self.host_key, "");
        self.process = spawn(self.folder(), self.port);
    }

    /// Ends the server and its sessions: one whose client has vanished would stay for ever.
    fn end(&mut self) {
        let sessions = descendants_of(self.process.id());
        self.process.kill().ok();
        self.process.wait().ok();
        for session in sessions {
            // One that has just ended by itself is as good.
            Command::new("kill")
                .args(["-KILL", &session.to_string()])
                .stderr(Stdio::null())
                .status()
                .ok();
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.end();
    }
}

/// The children of `process`, and theirs.
fn descendants_of(process: u32) -> Vec<u32> {
    let parent_of = |pid: u32| -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let children = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(process));
    children.flat_map(|child| [vec![child], descendants_of(child)].concat()).collect()
}

fn make_account() {
    std::fs::create_dir_all("/run/sshd").unwrap();
    let exists = Command::new("id").arg(USER).output().unwrap().status.success();
    if !exists {
        must("useradd", &["--create-home", "--shell", "/bin/bash", USER]);
    }
    must("sh", &["-c", &format!("echo '{USER}:{PASSWORD}' | chpasswd")]);
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn make_key(path: &Path, kind: &str, passphrase: &str) {
    let path = path.to_str().unwrap();
    must("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-f", path]);
}

fn write_config(folder: &Path, port: u16, lines: &[&str]) {
    let folder_text = folder.display();
    let mut config = String::new();
    // Of this keyword alone the last line counts.
    let startups = "MaxStartups 200:30:400";
    let startups = lines.iter().find(|line| line.starts_with("MaxStartups")).unwrap_or(&startups);
    for line in lines {
        writeln!(config, "{line}").unwrap();
    }
    write!(
        config,
        "Port {port}\n\
         ListenAddress 127.0.0.1\n\
         HostKey {folder_text}/host_key\n\
         PidFile none\n\
         UseDNS no\n\
         UsePAM yes\n\
         StrictModes no\n\
         PermitRootLogin no\n\
         PasswordAuthentication yes\n\
         KbdInteractiveAuthentication yes\n\
         {startups}\n\
         AuthorizedKeysFile {folder_text}/authorized_keys\n"
    )
    .unwrap();
    std::fs::write(folder.join("sshd_config"), config).unwrap();
}

fn spawn(folder: &Path, port: u16) -> Child {
    let process = Command::new("/usr/sbin/sshd")
        .arg("-D")
        .arg("-f")
        .arg(folder.join("sshd_config"))
        .arg("-E")
        .arg(folder.join("sshd.log"))
        .stdin(Stdio::null())
        .spawn()
        .expect("openssh-server is installed");
    wait_until_it_listens(process, folder, port)
}

fn wait_until_it_listens(mut process: Child, folder: &Path, port: u16) -> Child {
    for _ in 0..500 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return process;
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    process.kill().ok();
    process.wait().ok();
    let log = std::fs::read_to_string(folder.join("sshd.log")).unwrap_or_default();
    panic!("sshd does not listen: {log}");
}
