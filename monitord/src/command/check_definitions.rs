use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use driver_cli::{DefinitionFile, InvalidDefinitions};
use pool_core::Platform;
use scheduler::Sample;

use super::Exit;
use crate::app::Parts;
use crate::output::Output;
use crate::settings::Invalid;

/// The largest file of samples: a thousand outputs.
const SAMPLES_BYTES_MAX: u64 = 4 << 20;

/// Checks the definitions in `files`, among those in `directory` if there is one, and reads the
/// samples beside each file. The process fails when a sample is not read as it should be.
///
/// # Errors
///
/// [`Invalid`] with everything that is wrong with the definitions; a file of samples that cannot
/// be used.
pub(super) fn check_definitions(files: &[PathBuf], directory: Option<&Path>) -> Result<Exit> {
    let definitions = definitions(files, directory).map_err(Invalid::from)?;
    let parts = Parts::with_files(&definitions).map_err(Invalid::from)?;
    let mut output = Output::default();
    let mut exit = Exit::Ok;
    for path in files {
        let mut report = check_file(path, &parts)?;
        if !report.mismatches.is_empty() {
            exit = Exit::Failed;
        }
        report.mismatches.insert(0, report.summary);
        output.write(&(report.mismatches.join("\n") + "\n"))?;
    }
    Ok(exit)
}

/// The files, and those of the directory that are not among them.
fn definitions(
    files: &[PathBuf],
    directory: Option<&Path>,
) -> Result<Vec<DefinitionFile>, InvalidDefinitions> {
    let mut definitions: Vec<_> =
        files.iter().map(|path| DefinitionFile::read(path)).collect::<Result<_, _>>()?;
    let others = directory.map(DefinitionFile::read_directory).transpose()?.unwrap_or_default();
    let is_new = |other: &DefinitionFile| definitions.iter().all(|own| own.name() != other.name());
    let others: Vec<_> = others.into_iter().filter(is_new).collect();
    definitions.extend(others);
    Ok(definitions)
}

/// What one file came to, in words.
struct Report {
    summary: String,
    mismatches: Vec<String>,
}

fn check_file(path: &Path, parts: &Parts) -> Result<Report> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let platform = Platform::new(&name);
    let halves = [
        ("command line", parts.platforms.get(&platform).is_some()),
        ("ping", parts.ping().knows(&platform)),
        ("interface", parts.tasks.interface().knows(&platform)),
    ];
    let halves = halves
        .map(|(half, is_there)| format!("{half} {}", if is_there { "ok" } else { "not defined" }));
    let beside = path.with_extension("txt");
    let samples = samples(&beside).with_context(|| format!("{}", beside.display()))?;
    let mismatches: Vec<_> = samples
        .iter()
        .filter_map(|sample| Some((sample, sample.check(parts.ping(), &platform).err()?)))
        .map(|(sample, mismatch)| format!("{}: {}: {mismatch}", beside.display(), sample.name))
        .collect();
    let read = samples.len() - mismatches.len();
    let [cli, ping, interface] = halves;
    let summary = format!(
        "{}: {cli}, {ping}, {interface}, {read} of {} samples ok",
        path.display(),
        samples.len()
    );
    Ok(Report { summary, mismatches })
}

/// The samples of a file; none if there is no such file.
fn samples(path: &Path) -> Result<Vec<Sample>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(SAMPLES_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= SAMPLES_BYTES_MAX, "it is larger than 4 MiB");
    // Devices print what they like; only ASCII matters to the figures.
    Ok(Sample::parse_all(&String::from_utf8_lossy(&bytes))?)
}
