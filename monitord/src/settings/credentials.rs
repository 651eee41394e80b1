//! Who logs in, and how.

use std::path::{Path, PathBuf};

use config::ValueKind;
use pool_core::{AgentSocket, AuthMethod, Credentials, PrivateKey, PrivateKeySource};

use super::Surroundings;
use super::allowed::{Allowed, Form};
use super::exposure::{Exposure, readers};
use super::secret::CREDENTIALS_DIRECTORY;
use super::section::Section;
use super::value::{list_of, one_of, word};

/// The names of the ways to log in.
const AUTH_METHODS: &[(&str, AuthMethod)] = &[
    ("publickey", AuthMethod::PublicKey),
    ("agent", AuthMethod::Agent),
    ("password", AuthMethod::Password),
    ("keyboard-interactive", AuthMethod::KeyboardInteractive),
];

/// Reads the keys of a login. `defaults` are the ways to log in that are used where none are set.
pub(super) fn read(
    section: &mut Section<'_>,
    defaults: &Credentials,
    around: &Surroundings<'_>,
) -> Option<Credentials> {
    let username = section.require("username", word);
    let mut credentials = defaults.clone();
    let declared = section.has("password") || section.has("private_key");
    credentials.password = section.secret("password");
    credentials.private_key = read_private_key(section, around);
    read_ways(section, &mut credentials, around);
    if !declared && credentials.agent.is_none() {
        section.complain("password", "is missing: needed is password, private_key or agent");
    }
    credentials.username = username?;
    Some(credentials)
}

/// Reads the section `private_key`, if there is one.
pub(super) fn read_private_key(
    section: &mut Section<'_>,
    around: &Surroundings<'_>,
) -> Option<PrivateKey> {
    let private_key = section.section("private_key", |key| {
        let passphrase = key.secret("passphrase").filter(|text| !text.is_empty());
        let file = key.require("file", place(around))?;
        around.reader.files().note(&file);
        if let Err(error) = std::fs::File::open(&file) {
            key.complain("file", format!("is {file:?}: it cannot be read: {error}"));
        }
        if let Err(exposure) = guarded(&file, around) {
            key.complain("file", format!("is {file:?}: {exposure}"));
        }
        Some(PrivateKey { source: PrivateKeySource::File(file), passphrase })
    });
    private_key.flatten()
}

/// The file that a value names, which may be a credential of systemd.
pub(super) fn place(
    around: &Surroundings<'_>,
) -> impl FnOnce(&ValueKind) -> Result<PathBuf, Allowed> {
    move |value| Ok(around.reader.secrets().file(&word(value)?)?)
}

/// Refuses a key that everybody can read, as ssh does, and warns of one that a group can read.
/// What systemd has loaded it looks after itself.
pub(super) fn guarded(file: &Path, around: &Surroundings<'_>) -> Result<(), Exposure> {
    let is_credential = around.environment.get(CREDENTIALS_DIRECTORY);
    if is_credential.is_some_and(|directory| file.starts_with(directory)) {
        return Ok(());
    }
    match readers(file) {
        Some(exposure) if exposure.to_all => Err(exposure),
        Some(exposure) => {
            around.reader.warn(format!("{}: a key is in it, and {exposure}", file.display()));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Reads the keys that say how to log in and hold no secret. What is absent stays as it is.
pub(super) fn read_ways(
    section: &mut Section<'_>,
    credentials: &mut Credentials,
    around: &Surroundings<'_>,
) {
    if let Some(agent) = section.get("agent", |value| agent_socket(value, around)) {
        credentials.agent = agent;
    }
    if let Some(order) = section.get("auth_order", list_of(one_of(AUTH_METHODS))) {
        credentials.auth_order = order;
    }
}

/// `true` for the agent of the environment, `false` for none, or the path of its socket.
fn agent_socket(
    value: &ValueKind,
    around: &Surroundings<'_>,
) -> Result<Option<AgentSocket>, Allowed> {
    match value {
        ValueKind::Boolean(false) => Ok(None),
        ValueKind::Boolean(true) => Ok(Some(AgentSocket::Environment)),
        // Variables are always texts.
        ValueKind::String(text) if text == "false" => Ok(None),
        ValueKind::String(text) if text == "true" => Ok(Some(AgentSocket::Environment)),
        ValueKind::String(text) if !text.is_empty() => {
            Ok(Some(AgentSocket::Path(around.directory.join(text))))
        }
        _ => {
            let text = "the path of an agent's socket, or true for $SSH_AUTH_SOCK, or false";
            Err(Allowed::new(Form::Either(vec![Form::Boolean, Form::Text]), text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_methods_print() {
        assert!(AUTH_METHODS.iter().all(|(name, method)| *name == method.as_str()));
        assert_eq!(AUTH_METHODS.len(), AuthMethod::DEFAULT_ORDER.len());
    }
}
