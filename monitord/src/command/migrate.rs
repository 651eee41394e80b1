use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{Exit, Usage};
use crate::app::Parts;
use crate::catalog::Catalog;
use crate::cli::MigrateArgs;
use crate::migrate::migrated;
use crate::output::{Output, complain};
use crate::settings::{self, Environment, Settings};

/// Writes a configuration anew. Nothing is written that would not mean what the old one means.
pub(super) fn execute(args: &MigrateArgs, parts: &Parts) -> Result<Exit> {
    let catalog = parts.catalog();
    // What is wrong with the old one is said now, and not of the new one.
    let before = load(&args.file, &catalog)?;
    if let Some(output) = &args.output
        && output.exists()
        && !args.force
    {
        bail!(Usage(format!("{}: is there already: --force replaces it", output.display())));
    }
    let tree = settings::tree_of(&args.file)?;
    let secrets = args.secrets_dir.as_deref().map(|directory| (directory, args.force));
    let text = migrated(tree, &args.file, &settings::keys(&catalog), secrets)?;
    let Some(output) = &args.output else {
        Output::default().write(&text)?;
        return Ok(Exit::Ok);
    };
    let draft = Draft::write(output, &text)?;
    let after = load(&draft.path, &catalog)?;
    if !before.means_the_same_as(&after) {
        bail!(
            "{}: would not mean the same as {}: relative paths start at its own directory, so write \
             it beside the old one",
            output.display(),
            args.file.display()
        );
    }
    draft.publish(output)?;
    complain(&format!(
        "{} means the same as {}: try it with `monitord run --dry-run -c {0}`",
        output.display(),
        args.file.display()
    ));
    Ok(Exit::Ok)
}

fn load(path: &Path, catalog: &Catalog) -> Result<Settings> {
    Ok(settings::load(path, &Environment::of_process(), &[], catalog)?)
}

/// A file under another name, until it is known to be good.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(output: &Path, text: &str) -> Result<Self> {
        let name = output.file_name().context("the output has no name")?.to_string_lossy();
        // The extension is kept: it says in which form the file is.
        let path = output.with_file_name(format!(".{}.{name}", std::process::id()));
        let place = output.display();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("{place}: cannot be written"))?;
        let draft = Self { path };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.with_context(|| format!("{place}: cannot be written"))?;
        Ok(draft)
    }

    fn publish(self, output: &Path) -> Result<()> {
        fs::rename(&self.path, output)
            .with_context(|| format!("{}: cannot be written", output.display()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is gone when it was published.
        fs::remove_file(&self.path).ok();
    }
}
