//! What is peculiar to one router's command line.

use std::path::PathBuf;

use config::ValueKind;
use driver_cli::{TextEncoding, check_prompt};
use pool_core::{Protocol, TerminalConfig};

use super::allowed::{Allowed, Form};
use super::section::Section;
use super::value::{boolean, formed, names, word};
use super::{Surroundings, connection};

/// Reads the keys of a router called `name`.
pub(super) fn read(
    section: &mut Section<'_>,
    name: Option<&str>,
    protocol: Protocol,
    around: &Surroundings<'_>,
) -> TerminalConfig {
    let encoding = |value: &ValueKind| {
        let name = word(value).unwrap_or_default();
        name.parse::<TextEncoding>().map(|_| name).map_err(Allowed::from)
    };
    let encoding = section.get("encoding", formed(names(["utf-8", "gb18030"]), encoding));
    let prompt = section.get("prompt", |value| {
        let pattern = word(value)?;
        Ok(check_prompt(&pattern).map(|()| pattern)?)
    });
    let log = section.get("session_log", log).unwrap_or(Log::Off);
    if protocol != Protocol::Scrapli {
        for key in ["encoding", "prompt", "session_log"].into_iter().filter(|key| section.had(key))
        {
            let text = format!("is for protocol {} only", Protocol::Scrapli);
            section.complain(key, text);
        }
    }
    let session_log = match log {
        Log::Off => None,
        Log::Default => Some(default_path(name.unwrap_or_default(), around)),
        Log::File(path) => Some(around.directory.join(path)),
    };
    TerminalConfig { encoding, prompt, session_log }
}

/// Where to write what is said.
enum Log {
    Off,
    Default,
    File(String),
}

fn log(value: &ValueKind) -> Result<Log, Allowed> {
    let file = || word(value).map(Log::File);
    match boolean(value) {
        Ok(true) => Ok(Log::Default),
        Ok(false) => Ok(Log::Off),
        Err(_) => file().map_err(|_| {
            let form = Form::Either(vec![Form::Boolean, Form::Text]);
            Allowed::new(form, "true, false or the path of a file")
        }),
    }
}

/// Beside the host keys. What may not be in the name of a file is `_` there.
fn default_path(name: &str, around: &Surroundings<'_>) -> PathBuf {
    let harmless = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(harmless).collect();
    let state = connection::default_known_hosts(around.environment);
    state.with_file_name("sessions").join(format!("{}.log", name.trim_start_matches('.')))
}
