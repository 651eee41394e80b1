//! What goes beside the binary, and where.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::archive::{Tree, gzip};
use crate::run::printed;

/// The unit, as it is in the repository.
pub(crate) const UNIT: &str = "monitord/monitord.service";
/// The annotated configuration.
const EXAMPLE: &str = "monitord/monitord.example.yaml";
/// Files of the repository that a tarball has at the same place, so that their links work.
const DOCUMENTS: &[&str] =
    &["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "driver-cli/ADD-A-PLATFORM.md"];
/// Folders of the repository that a tarball has at the same place.
const FOLDERS: &[&str] = &["docs", "contrib"];
/// Shells, and where Debian has their completions.
const SHELLS: &[(&str, &str, &str)] = &[
    ("bash", "monitord.bash", "usr/share/bash-completion/completions/monitord"),
    ("zsh", "_monitord", "usr/share/zsh/vendor-completions/_monitord"),
    ("fish", "monitord.fish", "usr/share/fish/vendor_completions.d/monitord.fish"),
];

/// What is packed, read and made once for all packages.
#[derive(Debug)]
pub(crate) struct Payload {
    program: Vec<u8>,
    /// Name and text of each manual page.
    manuals: Vec<(String, Vec<u8>)>,
    /// The completions, in the order of `SHELLS`.
    completions: Vec<String>,
    /// The licences of others.
    notices: String,
}

impl Payload {
    /// Asks `program` for what it can tell of itself.
    pub(crate) fn of(program: &Path, notices: String) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        printed(Command::new(program).args(["gen", "man"]).arg(folder.path()))?;
        let mut manuals = Vec::new();
        for entry in fs::read_dir(folder.path())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            manuals.push((name, read(&path)?));
        }
        let completions: Result<_> = SHELLS
            .iter()
            .map(|(shell, ..)| printed(Command::new(program).args(["gen", "completions", shell])))
            .collect();
        Ok(Self { program: read(program)?, manuals, completions: completions?, notices })
    }

    /// For people who unpack it where they like.
    pub(crate) fn for_tarball(&self) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.add_program("monitord", self.program.as_slice());
        tree.add("monitord.example.yaml", read(EXAMPLE.as_ref())?);
        tree.add("monitord.service", read(UNIT.as_ref())?);
        tree.add("THIRD-PARTY.txt", self.notices.as_str());
        for (name, page) in &self.manuals {
            tree.add(format!("man/{name}"), page.as_slice());
        }
        for ((_, name, _), text) in SHELLS.iter().zip(&self.completions) {
            tree.add(format!("completions/{name}"), text.as_str());
        }
        for path in DOCUMENTS {
            tree.add(*path, read(path.as_ref())?);
        }
        for folder in FOLDERS {
            add_folder(&mut tree, folder, folder)?;
        }
        Ok(tree)
    }

    /// Where Debian wants it.
    pub(crate) fn for_debian(&self) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.add_program("usr/bin/monitord", self.program.as_slice());
        tree.add("usr/lib/systemd/system/monitord.service", read(UNIT.as_ref())?);
        let users = read("contrib/debian/sysusers.conf".as_ref())?;
        tree.add("usr/lib/sysusers.d/monitord.conf", users);
        let configuration = read("contrib/debian/monitord.yaml".as_ref())?;
        tree.add_with_mode("etc/monitord/monitord.yaml", 0o640, configuration);
        for (name, page) in &self.manuals {
            tree.add(format!("usr/share/man/man1/{name}.gz"), gzip(page)?);
        }
        for ((.., path), text) in SHELLS.iter().zip(&self.completions) {
            tree.add(*path, text.as_str());
        }
        const DOC: &str = "usr/share/doc/monitord";
        tree.add(format!("{DOC}/copyright"), self.copyright()?);
        tree.add(format!("{DOC}/changelog.gz"), gzip(&read("CHANGELOG.md".as_ref())?)?);
        tree.add(format!("{DOC}/README.md"), read("README.md".as_ref())?);
        tree.add(format!("{DOC}/examples/monitord.example.yaml"), read(EXAMPLE.as_ref())?);
        add_folder(&mut tree, "docs", DOC)?;
        for folder in ["grafana", "prometheus"] {
            add_folder(
                &mut tree,
                &format!("contrib/{folder}"),
                &format!("{DOC}/contrib/{folder}"),
            )?;
        }
        Ok(tree)
    }

    /// Our licences, and below them those of others.
    fn copyright(&self) -> Result<String> {
        let mit = String::from_utf8(read("LICENSE-MIT".as_ref())?).context("LICENSE-MIT")?;
        Ok(format!(
            "monitord is licensed under the MIT licence or, at your option, under the Apache licence,
version 2.0, which is in /usr/share/common-licenses/Apache-2.0.\n\n{mit}\n{}\n\n{}",
            "=".repeat(78),
            self.notices
        ))
    }
}

fn add_folder(tree: &mut Tree, folder: &str, place: &str) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into {folder}"))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (from, to) = (format!("{folder}/{name}"), format!("{place}/{name}"));
        if entry.file_type()?.is_dir() {
            add_folder(tree, &from, &to)?;
        } else if is_program(&entry.path())? {
            tree.add_program(to, read(from.as_ref())?);
        } else {
            tree.add(to, read(from.as_ref())?);
        }
    }
    Ok(())
}

fn is_program(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o100 != 0)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {path:?}"))
}
