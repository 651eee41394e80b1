//! From files, environment and flags to one tree of values. The `config` crate reads the formats
//! and merges the layers; what the values mean is decided later.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use config::{Config, ConfigError, FileFormat, Map, Source, Value, ValueKind};

use super::environment::Environment;
use super::files::Files;
use super::problem::Problem;
use super::yaml;

/// The largest configuration file. Ten thousand lines with their routers take about 2 MB.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// May stand at the beginning of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// How much of what a parser says is repeated, in characters: what it found, and where.
const SYNTAX_ERROR_CHARS_MAX: usize = 300;
/// What values from variables say about where they come from.
const ENVIRONMENT: &str = "the environment";
/// What values from `--set` say about where they come from.
pub(super) const FLAG: &str = "--set";

/// A key and its value, from `--set KEY=VALUE`.
pub(crate) type Override = (String, String);

/// The values of the file at `path`, over them those of the environment
/// (`MONITORD__SECTION__KEY`), over them the flags. What is read is noted in `files`.
pub(super) fn merged(
    path: &Path,
    environment: &Environment,
    overrides: &[Override],
    files: &Files,
) -> Result<Value, Problem> {
    refuse_items(environment, overrides)?;
    let variables = config::Environment::with_prefix("MONITORD")
        .prefix_separator("__")
        .separator("__")
        .source(Some(environment.all().collect()));
    let config = Config::builder()
        .add_source(file(path, files)?)
        .add_source(variables)
        .add_source(Flags(overrides.to_vec()))
        .build();
    config.map(|config| config.cache).map_err(|error| unreadable(path, &error))
}

/// The values of `text` alone, the content of the file at `path`.
pub(super) fn single(path: &Path, text: &str) -> Result<Value, Problem> {
    let config = Config::builder().add_source(file_text(path, text)?).build();
    config.map(|config| config.cache).map_err(|error| unreadable(path, &error))
}

/// The text under a key of a section, if both are there.
pub(super) fn text_at(tree: &Value, section: &str, key: &str) -> Option<String> {
    let ValueKind::Table(root) = &tree.kind else { return None };
    let ValueKind::Table(values) = &root.get(section)?.kind else { return None };
    match &values.get(key)?.kind {
        ValueKind::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Items of lists are set in files only. Where a key names one by its place, the library would
/// fill the list up to that place, however far off it is.
fn refuse_items(environment: &Environment, overrides: &[Override]) -> Result<(), Problem> {
    let variables: Vec<_> = environment.all().map(|(name, _)| name).collect();
    let ours = |name: &&String| name.to_uppercase().starts_with("MONITORD__");
    let variables = variables.iter().filter(ours).map(|name| (ENVIRONMENT, name));
    let mut keys = variables.chain(overrides.iter().map(|(key, _)| (FLAG, key)));
    match keys.find(|(_, key)| key.contains('[')) {
        Some((origin, key)) => {
            let text = "is not possible: items of lists can only be set in a file";
            Err(Problem::new(origin, key, text))
        }
        None => Ok(()),
    }
}

type FileText = config::File<config::FileSourceString, FileFormat>;

fn file(path: &Path, files: &Files) -> Result<FileText, Problem> {
    file_text(path, &text(path, files)?)
}

/// The content of the file at `path`, which is noted in `files`.
pub(super) fn text(path: &Path, files: &Files) -> Result<String, Problem> {
    let unreadable =
        |error| Problem::new(&path.display().to_string(), "", format!("cannot be read: {error}"));
    files.note(path);
    let text = read_bounded(path).map_err(unreadable)?;
    files.note_text(path, &text);
    Ok(text)
}

/// What `text` says as the content of the file at `path`.
fn file_text(path: &Path, text: &str) -> Result<FileText, Problem> {
    let name = path.display().to_string();
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => FileFormat::Toml,
        Some("json") => FileFormat::Json,
        _ => FileFormat::Yaml,
    };
    // Editors of another system mark a text as UTF-8 with it; the parsers do not expect it.
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if format == FileFormat::Yaml {
        yaml::check(text)
            .map_err(|fault| Problem::new(&name, "", format!("cannot be used: {fault}")))?;
    }
    Ok(config::File::from_str(text, format))
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 16 MiB"));
    }
    Ok(text)
}

/// Why the text of the file is no configuration, without any of that text: what stands at that
/// place may be the password.
fn unreadable(path: &Path, error: &ConfigError) -> Problem {
    let cause = match error {
        ConfigError::FileParse { cause, .. } => cause.as_ref(),
        other => other,
    };
    let text = if cause.is::<Box<ConfigError>>() {
        "it is not a section of keys".to_owned()
    } else if cause.to_string().starts_with("Cannot parse") {
        "it has a key or a number that is none".to_owned()
    } else {
        without_excerpt(&cause.to_string())
    };
    Problem::new(&path.display().to_string(), "", format!("cannot be parsed: {text}"))
}

/// A syntax error in one line, without the excerpt that the TOML parser adds.
fn without_excerpt(error: &str) -> String {
    let is_excerpt = |line: &&str| {
        line.trim_start_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            .starts_with('|')
    };
    let kept: Vec<_> = error.lines().filter(|line| !is_excerpt(line)).collect();
    kept.join(", ").chars().take(SYNTAX_ERROR_CHARS_MAX).collect()
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
