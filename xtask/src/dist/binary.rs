//! The binary, built so that another machine with the same tools gets the same one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::release::Release;
use crate::run::run;

/// What `.cargo/config.toml` sets for every other build, and this environment overrides.
const CFLAGS: &str = "-DLIBSSH2_DSA_ENABLE";
/// OpenSSL is built to load engines and modules from where it was built. That would tell where
/// that was, and name a place of which nobody knows who owns it on the machine that runs it. These
/// directories are in no package.
const CPPFLAGS: &str = "-UENGINESDIR -DENGINESDIR=\\\"/usr/lib/monitord/engines\\\" \
                        -UMODULESDIR -DMODULESDIR=\\\"/usr/lib/monitord/modules\\\"";

/// Crates that compile C. What a debugger is told of C has the paths of this machine in it, and with
/// it the digest of the build and the link to the file of symbols.
const C_CRATES: &[&str] = &["libsqlite3-sys", "libssh2-sys", "libz-sys", "openssl-sys"];

/// A binary, and what a debugger wants to know of it.
#[derive(Debug)]
pub(crate) struct Binary {
    /// What is shipped: names of functions, for readable backtraces, and no more.
    pub(crate) program: PathBuf,
    /// What was taken out of it.
    pub(crate) symbols: PathBuf,
}

impl Binary {
    /// Builds it, or takes `built`, and takes it apart.
    pub(crate) fn make(release: &Release, built: Option<&Path>) -> Result<Self> {
        let built = match built {
            Some(built) => built.to_owned(),
            None => build(release)?,
        };
        let program = release.folder.join("monitord");
        let symbols = release.folder.join(format!("{}.debug", release.name()));
        let objcopy = || Command::new("objcopy");
        let keep = ["--only-keep-debug", "--compress-debug-sections=zlib"];
        run(objcopy().args(keep).arg(&built).arg(&symbols))?;
        let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
        link.push(&symbols);
        run(objcopy().arg("--strip-debug").arg(link).arg(&built).arg(&program))?;
        Ok(Self { program, symbols })
    }
}

/// Builds it in a target directory of its own: the flags are others than those of daily work.
fn build(release: &Release) -> Result<PathBuf> {
    let root = std::env::current_dir().context("there is no current directory")?;
    let target = release.folder.join("build");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--package", "monitord", "--bin", "monitord"]);
    cargo.arg("--target-dir").arg(&target);
    for name in C_CRATES {
        cargo.args(["--config", &format!("profile.release.package.{name}.debug=false")]);
    }
    cargo.env("SOURCE_DATE_EPOCH", release.epoch.to_string());
    cargo.env("CARGO_INCREMENTAL", "0");
    cargo.env("CFLAGS", CFLAGS).env("CPPFLAGS", CPPFLAGS);
    // zlib, too, whether or not this machine has its headers.
    cargo.env("LIBZ_SYS_STATIC", "1");
    cargo
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&root, &cargo_home()?, &target));
    run(&mut cargo)?;
    Ok(target.join("release/monitord"))
}

/// Flags that keep the paths of this machine out of the binary, and name the build by its contents.
fn flags(root: &Path, cargo_home: &Path, target: &Path) -> String {
    [
        format!("--remap-path-prefix={}=/monitord", root.display()),
        format!("--remap-path-prefix={}=/cargo", cargo_home.display()),
        // The last one that fits counts. Some crates write source of their own, below this one.
        format!("--remap-path-prefix={}=/build", target.display()),
        "-Clink-arg=-Wl,--build-id=sha1".to_owned(),
    ]
    .join("\u{1f}")
}

fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => Ok(PathBuf::from(home)),
        None => {
            Ok(PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cargo"))
        }
    }
}
