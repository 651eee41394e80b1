//! Zabbix itself, and what it needs of the system.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::layout::Layout;
use crate::process::{finish, is_root};
use crate::say;

/// What the unpacked programs link to, what the frontend runs on, and the database.
const NEEDED: &[&str] = &[
    "fping",
    "libcurl3-gnutls",
    "libevent-2.1-7",
    "libevent-core-2.1-7",
    "libevent-extra-2.1-7",
    "libevent-pthreads-2.1-7",
    "libgnutls30",
    "libldap-2.5-0",
    "libmodbus5",
    "libodbc2",
    "libopenipmi0",
    "libpcre2-8-0",
    "libpq5",
    "libsnmp40",
    "libsqlite3-0",
    "libssh-4",
    "libxml2",
    "php-bcmath",
    "php-cli",
    "php-curl",
    "php-gd",
    "php-mbstring",
    "php-pgsql",
    "php-xml",
    "openssl",
    "postgresql",
    "zlib1g",
];
/// Another user of the package database may be at work.
const PATIENCE: &str = "DPkg::Lock::Timeout=180";
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// This Zabbix cannot be had on this machine. That is no fault of whoever asks for it.
#[derive(Debug)]
pub struct Unavailable(pub(crate) String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// Sees to it that everything is there.
pub(crate) fn provide(layout: &Layout) -> Result<()> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !release.lines().any(|line| line == "VERSION_CODENAME=bookworm") {
        bail!(Unavailable("the lab's Zabbix is that of Debian 12, which this is not".to_owned()));
    }
    install_needed()?;
    if !layout.root().exists() {
        unpack(layout)?;
    }
    let programs =
        [layout.root().join("usr/sbin/zabbix_server"), layout.root().join("usr/sbin/zabbix_proxy")];
    let linked = finish(Command::new("ldd").args(programs), "look at what Zabbix links to")?;
    let missing: Vec<_> = linked.lines().filter(|line| line.contains("not found")).collect();
    ensure!(missing.is_empty(), "libraries are missing: {missing:?}");
    Ok(())
}

fn install_needed() -> Result<()> {
    let is_installed = |package: &&&str| {
        let status =
            Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]).output();
        status.is_ok_and(|output| output.stdout == b"installed")
    };
    let missing: Vec<_> = NEEDED.iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    ensure!(is_root(), "as root, install {missing:?}");
    say(&format!("installing {} packages that Zabbix needs", missing.len()));
    let _quiet = NoServices::new()?;
    finish(apt().args(["-qq", "update"]), "update the list of packages")?;
    let mut install = apt();
    install.args(["-y", "-qq", "--no-install-recommends", "install"]).args(missing);
    finish(&mut install, "install what Zabbix needs")?;
    Ok(())
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["-o", PATIENCE]).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

/// As long as it is there, installing a package starts no service: the database of the system is
/// none of ours.
struct NoServices {
    is_ours: bool,
}

impl NoServices {
    fn new() -> Result<Self> {
        let is_ours = !Path::new(POLICY).exists();
        if is_ours {
            use std::os::unix::fs::PermissionsExt;
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")
                .context("cannot keep services from starting")?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { is_ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.is_ours {
            fs::remove_file(POLICY).ok();
        }
    }
}

/// Downloads the packages from the mirror that this machine uses, with lists of its own, and
/// unpacks them.
fn unpack(layout: &Layout) -> Result<()> {
    let version = layout.version;
    say(&format!("downloading Zabbix {version}"));
    let folder = layout.folder.join("packages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for name in ["lists/partial", "cache/archives/partial", "debs"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let source = format!(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {} {} main\n",
        mirror()?,
        version.suite()
    );
    fs::write(folder.join("sources.list"), source)?;
    let download = || {
        finish(own_apt(&folder).arg("update"), "read the list of packages")?;
        let mut get = own_apt(&folder);
        get.arg("download").args(version.packages()).current_dir(folder.join("debs"));
        finish(&mut get, "download the packages")
    };
    if let Err(error) = download() {
        bail!(Unavailable(format!("Zabbix {version} cannot be had from Debian: {error:#}")));
    }
    // Not the final name before everything is in it.
    let root = folder.join("root");
    for package in debs(&folder.join("debs"))? {
        finish(Command::new("dpkg-deb").arg("-x").arg(package).arg(&root), "unpack a package")?;
    }
    fs::rename(&root, layout.root())?;
    fs::remove_dir_all(&folder).context("cannot tidy up")
}

fn own_apt(folder: &Path) -> Command {
    let mut apt = Command::new("apt-get");
    let at = |name: &str| folder.join(name).display().to_string();
    for (key, value) in [
        ("Dir::Etc::sourcelist", at("sources.list")),
        ("Dir::Etc::sourceparts", "-".to_owned()),
        ("Dir::State::lists", at("lists")),
        ("Dir::Cache", at("cache")),
        ("APT::Sandbox::User", "root".to_owned()),
        ("APT::Update::Error-Mode", "any".to_owned()),
    ] {
        apt.arg("-o").arg(format!("{key}={value}"));
    }
    apt.arg("-q");
    apt
}

fn mirror() -> Result<String> {
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)"]);
    let targets = finish(&mut targets, "ask for the mirror")?;
    let mirror = targets.lines().find_map(|line| line.strip_suffix(" bookworm"));
    Ok(mirror.unwrap_or("http://deb.debian.org/debian/").to_owned())
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
    Ok(entries?.into_iter().map(|entry| entry.path()).collect())
}
