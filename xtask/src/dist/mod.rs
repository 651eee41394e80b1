//! `cargo xtask dist`: what a release consists of, made so that whoever makes it again gets the same
//! bytes. docs/releasing.md says how and when.

mod archive;
mod binary;
mod check;
mod component;
mod container;
mod crates;
mod debian;
mod elf;
mod notices;
mod payload;
mod release;
mod sbom;
mod sums;
mod test;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use crate::graph::Graph;
use archive::{Tree, gzip};
use binary::Binary;
use debian::About;
use payload::Payload;
use release::Release;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Which version this is to be: an error when the workspace has another one, or the changelog
    /// does not know it.
    #[arg(long)]
    version: Option<String>,
    /// Which Debian package of that version.
    #[arg(long, default_value_t = 1, global = true, value_parser = clap::value_parser!(u32).range(1..=999))]
    revision: u32,
    /// Where to put it.
    #[arg(long, default_value = "target/dist", global = true)]
    folder: PathBuf,
    /// Pack this binary, and do not build one: for work on the packages.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Who answers for the Debian package: `Name <address>`.
    #[arg(long, default_value = MAINTAINER, global = true)]
    maintainer: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check what can be checked without building anything: versions, licences, what crates would be
    /// published with, the container file.
    Check,
    /// Package every crate that is published, under the name that it has in a registry, and build
    /// each from its package alone.
    Crates,
    /// Install, start, upgrade, remove and purge the Debian package in a container with a systemd of
    /// its own. Takes root, and the packages debootstrap and systemd-container.
    Test,
}

/// Whoever publishes a package names somebody who can be reached.
const MAINTAINER: &str = "The monitord developers <root@localhost>";

pub(crate) fn run(options: &Options) -> Result<()> {
    let graph = Graph::load()?;
    match options.command {
        Some(Command::Check) => check::run(&graph, options.version.as_deref()),
        Some(Command::Crates) => crates::run(&graph, &release::made(&options.folder)?),
        Some(Command::Test) => {
            let release = Release::of(&graph, options.revision, &options.folder)?;
            test::run(&release, &options.maintainer)
        }
        None => make(&graph, options),
    }
}

/// Builds everything, and says where it is.
fn make(graph: &Graph, options: &Options) -> Result<()> {
    check::run(graph, options.version.as_deref())?;
    let release = Release::of(graph, options.revision, &options.folder)?;
    let binary = Binary::make(&release, options.binary.as_deref())?;
    let components = component::components(graph)?;
    let payload = Payload::of(&binary.program, notices::write(&components)?)?;

    let tarball = release.folder.join(format!("{}.tar.gz", release.name()));
    let tree = payload.for_tarball()?;
    write(&tarball, &gzip(&tree.tar(&format!("{}/", release.name()), release.epoch)?)?)?;
    let deb = write_deb(&release, payload.for_debian()?, &binary.program, &options.maintainer)?;
    let bill = release.folder.join(format!("{}.cdx.json", release.name()));
    write(&bill, &sbom::write(&release, &components)?)?;

    let files = [tarball, deb, bill, binary.symbols];
    sums::write(&release.folder, &files)?;
    for path in &files {
        println!("{:>9} {}", fs::metadata(path)?.len(), path.display());
    }
    println!("{} components; checksums in SHA256SUMS", components.len());
    Ok(())
}

fn write_deb(release: &Release, files: Tree, program: &Path, maintainer: &str) -> Result<PathBuf> {
    ensure!(!maintainer.contains('\n'), "a maintainer is one line");
    let deb = release.deb()?;
    let libraries = elf::packages_needed(program)?;
    let about = About { maintainer, libraries: &libraries };
    debian::write(release, files, &about, &deb)?;
    Ok(deb)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {path:?}"))
}
