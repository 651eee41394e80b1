//! From files, environment and flags to one tree of values. The `config` crate reads the formats
//! and merges the layers; what the values mean is decided later.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use config::{Config, ConfigError, FileFormat, Map, Source, Value, ValueKind};

use super::environment::Environment;
use super::problem::Problem;

/// The largest configuration file. Ten thousand lines with their routers take about 2 MB.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What values from `--set` say about where they come from.
const FLAG: &str = "--set";

/// A key and its value, from `--set KEY=VALUE`.
pub(crate) type Override = (String, String);

/// The values of the file at `path`, over them those of the environment
/// (`MONITORD__SECTION__KEY`), over them the flags.
pub(super) fn merged(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
) -> Result<Value, Problem> {
    let variables = config::Environment::with_prefix("MONITORD")
        .prefix_separator("__")
        .separator("__")
        .source(Some(environment.all().collect()));
    let config = Config::builder()
        .add_source(file(path)?)
        .add_source(variables)
        .add_source(Flags(overrides.to_vec()))
        .build();
    config.map(|config| config.cache).map_err(|error| unreadable(path, &error))
}

/// The values of the file at `path` alone.
pub(super) fn single(path: &Path) -> Result<Value, Problem> {
    let config = Config::builder().add_source(file(path)?).build();
    config.map(|config| config.cache).map_err(|error| unreadable(path, &error))
}

type FileText = config::File<config::FileSourceString, FileFormat>;

fn file(path: &Path) -> Result<FileText, Problem> {
    let name = path.display().to_string();
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => FileFormat::Toml,
        Some("json") => FileFormat::Json,
        _ => FileFormat::Yaml,
    };
    let text = read_bounded(path)
        .map_err(|error| Problem::new(&name, "", format!("cannot be read: {error}")))?;
    Ok(config::File::from_str(&text, format))
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 16 MiB"));
    }
    Ok(text)
}

/// A syntax error, without the excerpt that the TOML parser adds: the line it shows may be the
/// one with the password.
fn unreadable(path: &Path, error: &ConfigError) -> Problem {
    let text = error.to_string();
    let is_excerpt = |line: &&str| {
        line.trim_start_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            .starts_with('|')
    };
    let kept: Vec<_> = text.lines().filter(|line| !is_excerpt(line)).collect();
    Problem::new(&path.display().to_string(), "", format!("cannot be parsed: {}", kept.join(", ")))
}

/// The `--set` flags as a layer of their own, so that a problem with one names the flag.
#[derive(Clone, Debug)]
struct Flags(Vec<Override>);

impl Source for Flags {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let origin = FLAG.to_owned();
        let value = |text: &String| Value::new(Some(&origin), ValueKind::String(text.clone()));
        Ok(self.0.iter().map(|(key, text)| (key.clone(), value(text))).collect())
    }
}
