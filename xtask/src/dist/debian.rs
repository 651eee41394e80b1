//! The Debian package: an `ar` archive of two compressed tar archives.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::archive::{Tree, gzip};
use super::release::Release;

/// The scripts that dpkg runs, in `contrib/debian`.
const SCRIPTS: &[&str] = &["postinst", "prerm", "postrm"];
/// Who creates the user: systemd, or what stands in for it where it does not run.
const USERS: &str = "systemd | systemd-standalone-sysusers | systemd-sysusers";

/// What the package says of itself beside its contents.
#[derive(Debug)]
pub(crate) struct About<'a> {
    /// Who answers for it: name and address.
    pub(crate) maintainer: &'a str,
    /// The packages with the libraries that the binary needs.
    pub(crate) libraries: &'a [String],
}

/// Writes the package that installs `files` to `path`.
pub(crate) fn write(
    release: &Release,
    mut files: Tree,
    about: &About<'_>,
    path: &Path,
) -> Result<()> {
    let changes = changelog(release, about.maintainer)?;
    files.add("usr/share/doc/monitord/changelog.Debian.gz", gzip(changes.as_bytes())?);
    let mut control = control_files(release, &files, about)?;
    for script in SCRIPTS {
        let path = format!("contrib/debian/{script}");
        let text = fs::read(&path).with_context(|| format!("cannot read {path}"))?;
        control.add_program(*script, text);
    }
    let control = gzip(&control.tar("./", release.epoch)?)?;
    let data = gzip(&files.tar("./", release.epoch)?)?;
    let package = assemble(release, &control, &data)?;
    fs::write(path, package).with_context(|| format!("cannot write {path:?}"))
}

/// The archive around the two, whose members have the order that dpkg wants.
fn assemble(release: &Release, control: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let mtime = release.epoch.try_into().context("a package cannot be dated before 1970")?;
    let mut archive = ar::Builder::new(Vec::new());
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar.gz", control), ("data.tar.gz", data)];
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(mtime);
        archive.append(&header, bytes).with_context(|| format!("cannot pack {name}"))?;
    }
    archive.into_inner().context("cannot end a package")
}

/// What dpkg wants to know of the package, without the scripts.
fn control_files(release: &Release, files: &Tree, about: &About<'_>) -> Result<Tree> {
    let (configuration, rest): (Vec<_>, Vec<_>) =
        files.files().partition(|(path, _)| path.starts_with("etc/"));
    let mut tree = Tree::default();
    tree.add("control", control(release, files, about)?);
    let paths: String = configuration.iter().map(|(path, _)| format!("/{path}\n")).collect();
    tree.add("conffiles", paths);
    let sums: String =
        rest.iter().map(|(path, bytes)| format!("{:x}  {path}\n", md5::compute(bytes))).collect();
    tree.add("md5sums", sums);
    Ok(tree)
}

fn control(release: &Release, files: &Tree, about: &About<'_>) -> Result<String> {
    let size: usize = files.files().map(|(_, bytes)| bytes.len().div_ceil(1024)).sum();
    let depends = [about.libraries, &[USERS.to_owned()]].concat().join(", ");
    Ok(format!(
        "Package: monitord
Version: {}
Architecture: {}
Maintainer: {}
Installed-Size: {size}
Depends: {depends}
Recommends: ca-certificates
Section: net
Priority: optional
Description: monitors leased lines from the routers they end on
 It logs in to each router over SSH, runs ping on its command line, reads loss
 and round-trip time out of what the router printed, and reports to Zabbix, to
 Prometheus, and as JSON Lines.
 .
 Every operation ends by its deadline, every scheduled check has one outcome,
 and what Zabbix has not taken yet is kept on disk.
",
        release.debian_version(),
        release.architecture()?,
        about.maintainer
    ))
}

/// Debian wants to know what changed in the package, which is the version in it.
fn changelog(release: &Release, maintainer: &str) -> Result<String> {
    let moment =
        jiff::fmt::rfc2822::to_string(&release.moment()?.to_zoned(jiff::tz::TimeZone::UTC))?;
    let version = release.debian_version();
    Ok(format!(
        "monitord ({version}) unstable; urgency=medium

  * What is new in this version is in changelog.gz.

 -- {maintainer}  {moment}
"
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn release() -> Release {
        Release {
            version: "1.2.0".to_owned(),
            revision: 1,
            epoch: 1_000,
            target: "x86_64-unknown-linux-gnu".to_owned(),
            folder: PathBuf::new(),
        }
    }

    fn about() -> About<'static> {
        About { maintainer: "Some <some@example.org>", libraries: &[] }
    }

    #[test]
    fn a_package_names_its_configuration_and_sums_the_rest() {
        let mut files = Tree::default();
        files.add("etc/monitord/monitord.yaml", "lines: []\n");
        files.add("usr/bin/monitord", "a program");
        let tree = control_files(&release(), &files, &about()).unwrap();
        let text = |name: &str| {
            let (_, bytes) = tree.files().find(|(path, _)| *path == name).unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        assert_eq!(text("conffiles"), "/etc/monitord/monitord.yaml\n");
        assert_eq!(text("md5sums"), "163c30dc92b5c4383178cbd84f9efe1b  usr/bin/monitord\n");
        let control = text("control");
        assert!(control.contains("\nVersion: 1.2.0-1\nArchitecture: amd64\n"), "{control}");
        assert!(control.contains("\nInstalled-Size: 2\n"), "{control}");
        assert!(control.lines().all(|line| !line.is_empty()), "{control}");
    }

    #[test]
    fn members_stand_in_the_order_that_dpkg_wants_and_are_dated_by_the_release() {
        let package = assemble(&release(), b"control", b"data").unwrap();
        let mut archive = ar::Archive::new(package.as_slice());
        let mut seen = Vec::new();
        while let Some(entry) = archive.next_entry() {
            let entry = entry.unwrap();
            let header = entry.header();
            seen.push((String::from_utf8_lossy(header.identifier()).into_owned(), header.mtime()));
        }
        let names = ["debian-binary", "control.tar.gz", "data.tar.gz"];
        assert_eq!(seen, names.map(|name| (name.to_owned(), 1_000)));
    }

    #[test]
    fn the_changelog_has_the_form_that_debian_reads() {
        let text = changelog(&release(), "Some <some@example.org>").unwrap();
        assert!(text.starts_with("monitord (1.2.0-1) unstable; urgency=medium\n\n  * "), "{text}");
        let signed = "\n -- Some <some@example.org>  Thu, 1 Jan 1970 00:16:40 +0000\n";
        assert!(text.ends_with(signed), "{text}");
    }
}
