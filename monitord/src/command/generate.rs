use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Exit;
use crate::app::Parts;
use crate::cli::{Cli, GenArgs, GenCommand};
use crate::output::Output;
use crate::{schema, settings};

/// The unit as it is packaged.
const UNIT: &str = include_str!("../../monitord.service");

/// Writes what packagers and shells need.
pub(super) fn execute(args: GenArgs, parts: &Parts) -> Result<Exit> {
    let text = match args.command {
        GenCommand::Completions { shell } => completions(shell)?,
        GenCommand::Man { directory: None } => manual()?,
        GenCommand::Man { directory: Some(directory) } => {
            manuals(&directory)?;
            return Ok(Exit::Ok);
        }
        GenCommand::Systemd => UNIT.to_owned(),
        GenCommand::Schema => {
            let schema = schema::schema(&settings::keys(&parts.catalog()));
            serde_json::to_string_pretty(&schema).context("cannot write the schema")? + "\n"
        }
        GenCommand::Reference => schema::reference(&settings::keys(&parts.catalog())),
    };
    Output::default().write(&text)?;
    Ok(Exit::Ok)
}

fn completions(shell: Shell) -> Result<String> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "monitord", &mut bytes);
    String::from_utf8(bytes).context("the completions are not text")
}

/// The page of `monitord` itself.
fn manual() -> Result<String> {
    let mut bytes = Vec::new();
    Man::new(Cli::command()).render(&mut bytes).context("cannot write the manual page")?;
    String::from_utf8(bytes).context("the manual page is not text")
}

/// One page for `monitord`, and one for each of its subcommands.
fn manuals(directory: &Path) -> Result<()> {
    clap_mangen::generate_to(Cli::command(), directory)
        .with_context(|| format!("{}: cannot write manual pages", directory.display()))
}
