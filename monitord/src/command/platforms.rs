use std::fmt::Write;

use anyhow::{Context as _, Result};
use pool_core::{Platform, Protocol};
use scheduler::{PingParams, Target};
use serde::Serialize;

use super::check_definitions::check_definitions;
use super::{Exit, Usage};
use crate::app::Parts;
use crate::catalog::Catalog;
use crate::cli::{Format, PlatformsArgs, PlatformsCommand};
use crate::output::Output;
use crate::report::Table;

/// Stands for a line's far end (RFC 5737).
const EXAMPLE_TARGET: &str = "198.51.100.1";

/// Shows what is known about platforms.
pub(super) fn execute(args: PlatformsArgs, parts: &Parts) -> Result<Exit> {
    let catalog = parts.catalog();
    let command = args.command.unwrap_or(PlatformsCommand::List { output: Format::Table });
    let text = match command {
        PlatformsCommand::List { output } => list(&catalog, output)?,
        PlatformsCommand::Show { platform } => show(&platform, &catalog, parts)?,
        PlatformsCommand::Check { files } => {
            return check_definitions(&files, args.definitions.directory.as_deref());
        }
    };
    Output::default().write(&text)?;
    Ok(Exit::Ok)
}

#[derive(Debug, Serialize)]
struct PlatformView<'a> {
    platform: &'a str,
    protocols: Vec<&'static str>,
}

fn list(catalog: &Catalog, output: Format) -> Result<String> {
    let mut views: Vec<PlatformView<'_>> = Vec::new();
    for protocol in Protocol::ALL {
        for name in catalog.platforms(protocol) {
            match views.iter_mut().find(|view| view.platform == name) {
                Some(view) => view.protocols.push(protocol.as_str()),
                None => {
                    views.push(PlatformView { platform: name, protocols: vec![protocol.as_str()] })
                }
            }
        }
    }
    views.sort_by_key(|view| view.platform);
    match output {
        Format::Json => {
            let lines: Result<Vec<_>, _> = views.iter().map(serde_json::to_string).collect();
            Ok(lines.context("cannot write JSON")?.join("\n") + "\n")
        }
        Format::Table => {
            let mut table = Table::new(["PLATFORM", "PROTOCOLS"]);
            for view in views {
                table.row([view.platform.to_owned(), view.protocols.join(", ")]);
            }
            Ok(table.to_string())
        }
    }
}

fn show(name: &str, catalog: &Catalog, parts: &Parts) -> Result<String> {
    let platform = Platform::new(name);
    let protocols: Vec<_> =
        Protocol::ALL.into_iter().filter(|p| catalog.supports(*p, &platform)).collect();
    if protocols.is_empty() {
        let known = catalog.platforms(Protocol::Scrapli).join(", ");
        return Err(Usage(format!("there is no platform {name:?}: known are {known}")).into());
    }
    let mut text = String::new();
    for protocol in protocols {
        writeln!(text, "protocol {protocol}")?;
    }
    let target = Target::new(EXAMPLE_TARGET).context("the example is an address")?;
    for step in parts.ping().request(&platform, &target, &PingParams::default())?.steps() {
        writeln!(text, "command  {}", step.line())?;
    }
    if let Some(definition) = parts.platforms.get(&platform) {
        writeln!(text, "{definition:#?}")?;
    }
    Ok(text)
}
