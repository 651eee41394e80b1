use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use pool_core::{OUTPUT_BYTES_MAX_DEFAULT, Platform};
use scheduler::Measurement;

use super::{Exit, Usage};
use crate::app::Parts;
use crate::cli::{Format, ParseArgs};
use crate::output::Output;
use crate::report::measurement_text;

/// Reads a saved output as a check would.
pub(super) fn execute(args: &ParseArgs, parts: &Parts) -> Result<Exit> {
    let (name, platform) = (&args.platform, Platform::new(&args.platform));
    let known: Vec<_> = parts.ping().names().collect();
    if !known.contains(&platform.as_str()) {
        let text = format!("there is no platform {name:?}: known are {}", known.join(", "));
        return Err(Usage(text).into());
    }
    let text = read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let measurement: Measurement = parts.ping().parse(&platform, &text)?;
    Output::default().write(&measurement_text(&measurement, args.output == Format::Json))?;
    Ok(Exit::Ok)
}

/// The text of the file, or of standard input, as far as a session's output may go.
fn read(file: &Path) -> Result<String> {
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(file)?),
    };
    let mut bytes = Vec::new();
    source.take(OUTPUT_BYTES_MAX_DEFAULT as u64 + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() <= OUTPUT_BYTES_MAX_DEFAULT, "it is larger than a device's output may be");
    // Devices print what they like; only ASCII matters to the figures.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
