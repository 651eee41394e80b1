use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::string::FromUtf8Error;

use anyhow::{Context as _, Result, ensure};
use pool_core::Platform;
use scheduler::Measurement;

use super::{Exit, Usage};
use crate::app::Parts;
use crate::cli::{Format, ParseArgs};
use crate::output::Output;
use crate::report::measurement_text;

/// More than this of a saved output is not read. A ping of a day, a packet each second, takes some
/// 6 MiB; a check stops at less, but it asks for no more than it can use.
const SAVED_BYTES_MAX: u64 = 64 << 20;

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

/// The text of the file, or of standard input.
fn read(file: &Path) -> Result<String> {
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(file)?),
    };
    let mut bytes = Vec::new();
    let taken = source.take(SAVED_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    ensure!(
        u64::try_from(taken).is_ok_and(|taken| taken <= SAVED_BYTES_MAX),
        "it is larger than {} MiB, which is the most that is read",
        SAVED_BYTES_MAX >> 20,
    );
    // Devices print what they like; only ASCII matters to the figures.
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    Ok(String::from_utf8(bytes).unwrap_or_else(lossy))
}
