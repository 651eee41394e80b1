//! Where secrets come from: the text itself, `${NAME}`, `file:/path`, `credential:NAME`, `command:...`.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pool_core::Secret;
use tokio::io::AsyncReadExt;

use super::environment::Environment;
use super::exposure::readers;
use super::files::Files;

/// The largest secret from a file or a command. A private key has about 4 KiB.
const BYTES_MAX: u64 = 64 * 1024;
/// How long a command may take to print a secret: a vault over the network answers within this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Finds secrets for one load of the settings.
#[derive(Debug)]
pub(super) struct Secrets<'a> {
    environment: &'a Environment,
    /// Where relative paths start.
    directory: PathBuf,
    /// What each command has printed. Hundreds of routers commonly share one, which asks a vault
    /// over the network and must not be run for each of them.
    printed: RefCell<HashMap<String, Result<Secret, String>>>,
    /// Files with secrets that others can read.
    exposed: RefCell<BTreeSet<String>>,
    files: Files,
}

/// Where systemd puts what `LoadCredential=` names. Only the service can read it.
pub(super) const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// Before the name of such a credential.
const CREDENTIAL: &str = "credential:";

impl<'a> Secrets<'a> {
    pub(super) fn new(environment: &'a Environment, directory: PathBuf) -> Self {
        Self {
            environment,
            directory,
            printed: RefCell::default(),
            exposed: RefCell::default(),
            files: Files::default(),
        }
    }

    /// Warnings about files with secrets that others can read, of those that were asked for.
    pub(super) fn exposed(&self) -> Vec<String> {
        self.exposed.borrow().iter().cloned().collect()
    }

    /// The file that `text` names: a path, or a credential that systemd has loaded.
    ///
    /// # Errors
    ///
    /// What is wrong with the name of the credential.
    pub(super) fn file(&self, text: &str) -> Result<PathBuf, String> {
        let Some(name) = text.strip_prefix(CREDENTIAL) else {
            return Ok(self.directory.join(text));
        };
        let directory = self.environment.get(CREDENTIALS_DIRECTORY).ok_or_else(|| {
            format!(
                "{CREDENTIALS_DIRECTORY} is not set, so there is no credential {name:?}: it is set \
                 by systemd for a service with LoadCredential"
            )
        })?;
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(format!("{name:?} is not the name of a credential"));
        }
        Ok(Path::new(directory).join(name))
    }

    /// The same, which notes in `files` what it reads.
    pub(super) fn noting(self, files: &Files) -> Self {
        Self { files: files.clone(), ..self }
    }

    /// Where the load notes what it reads.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// The secret that `text` is or points to.
    ///
    /// # Errors
    ///
    /// What is wrong, to be read after the key. It names the variable, file or failing step, and
    /// never holds the secret or the command line, which may have one in it.
    pub(super) fn resolve(&self, text: &str) -> Result<Secret, String> {
        if let Some(literal) = text.strip_prefix("literal:") {
            return Ok(Secret::new(literal));
        }
        if text.starts_with(CREDENTIAL) {
            let found = File::open(self.file(text)?).and_then(read_bounded);
            let secret = found.map_err(|error| format!("cannot be read from {text:?}: {error}"))?;
            return one_secret(secret).map_err(|fault| format!("from {text:?} {fault}"));
        }
        if let Some(path) = text.strip_prefix("file:") {
            let place = self.directory.join(path);
            self.files.note(&place);
            if let Some(exposure) = readers(&place) {
                let warning = format!("{}: a secret is in it, and {exposure}", place.display());
                self.exposed.borrow_mut().insert(warning);
            }
            let found = File::open(place).and_then(read_bounded);
            let secret =
                found.map_err(|error| format!("cannot be read from file {path:?}: {error}"))?;
            return one_secret(secret).map_err(|fault| format!("from file {path:?} {fault}"));
        }
        if let Some(line) = text.strip_prefix("command:") {
            let mut printed = self.printed.borrow_mut();
            return printed.entry(line.to_owned()).or_insert_with(|| from_command(line)).clone();
        }
        if text.contains("${") {
            return from_variable(text, self.environment);
        }
        Ok(Secret::new(text))
    }
}

/// Whether `text` is a secret itself, and not where to get one.
pub(crate) fn is_literal(text: &str) -> bool {
    let is_place = ["file:", "command:", CREDENTIAL].iter().any(|kind| text.starts_with(kind));
    !text.is_empty() && (text.starts_with("literal:") || !is_place && !text.contains("${"))
}

fn from_command(line: &str) -> Result<Secret, String> {
    let secret = output_of(line).map_err(|fault| format!("cannot be had: {fault}"))?;
    one_secret(secret).map_err(|fault| format!("from its command {fault}"))
}

fn from_variable(text: &str, environment: &Environment) -> Result<Secret, String> {
    let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let is_name = |name: &&str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let Some(name) = whole.filter(is_name) else {
        return Err("has `${` in it and is not as a whole `${NAME}`: to use it as it is, write \
                    `literal:` before it"
            .to_owned());
    };
    match environment.get(name) {
        Some(value) if !value.is_empty() => Ok(Secret::new(value)),
        Some(_) => Err(format!("comes from environment variable {name}, which is empty")),
        None => Err(format!("comes from environment variable {name}, which is not set")),
    }
}

fn read_bounded(file: File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What came, without the line end that editors and `echo` add.
fn one_secret(bytes: Vec<u8>) -> Result<Secret, &'static str> {
    if bytes.len() as u64 > BYTES_MAX {
        return Err("is larger than 64 KiB");
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() { Err("is empty") } else { Ok(Secret::new(text)) }
}

/// What `sh -c line` prints. Its error output is thrown away: it may hold what must not be seen.
fn output_of(line: &str) -> Result<Vec<u8>, String> {
    // Settings are loaded before the runtime is made, because they say how large it is.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for its command: {error}"))?;
    runtime.block_on(async {
        match tokio::time::timeout(COMMAND_TIMEOUT, run(line)).await {
            Ok(printed) => printed,
            Err(_) => Err(format!("its command did not end within {COMMAND_TIMEOUT:?}")),
        }
    })
}

async fn run(line: &str) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("its command failed: {error}");
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    }
    if bytes.len() as u64 > BYTES_MAX {
        // Too much, however the command ends; it is killed when it is dropped.
        return Ok(bytes);
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() { Ok(bytes) } else { Err(format!("its command ended with {status}")) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let environment = Environment::from([("EDGE", "from-env"), ("EMPTY", "")]);
        match (Secrets::new(&environment, PathBuf::new()).resolve(text), expected) {
            (Ok(secret), Ok(expected)) => assert_eq!(secret.expose(), expected, "{text}"),
            (Err(fault), Err(expected)) => assert!(fault.contains(expected), "{text}: {fault}"),
            (got, expected) => panic!("{text}: got {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_secret_is_literal_or_from_a_variable_a_file_or_a_command() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "from file").unwrap();
        check("pa$$word", Ok("pa$$word"));
        check("literal:file:x ${y}", Ok("file:x ${y}"));
        check("${EDGE}", Ok("from-env"));
        check(&format!("file:{}", file.path().display()), Ok("from file"));
        check("command:printf 'from command'", Ok("from command"));
    }

    #[test]
    fn what_cannot_be_had_is_named_without_what_must_not_be_seen() {
        check("${ABSENT}", Err("environment variable ABSENT, which is not set"));
        check("${EMPTY}", Err("environment variable EMPTY, which is empty"));
        check("x-${EDGE}", Err("not as a whole `${NAME}`"));
        check("file:/nonexistent/x", Err("\"/nonexistent/x\""));
        check("command:echo hunter2 >&2; exit 3", Err("ended with exit status: 3"));
        check("command:true", Err("is empty"));
        check("command:head -c 70000 /dev/zero", Err("larger than 64 KiB"));
        let environment = Environment::default();
        let secrets = Secrets::new(&environment, PathBuf::new());
        let fault = secrets.resolve("command:echo hunter2; exit 3").unwrap_err();
        assert!(!fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn a_credential_is_what_systemd_has_loaded() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("edge"), "from systemd\n").unwrap();
        let place = folder.path().to_str().unwrap();
        let environment = Environment::from([(CREDENTIALS_DIRECTORY, place)]);
        let secrets = Secrets::new(&environment, PathBuf::new());
        assert_eq!(secrets.resolve("credential:edge").unwrap().expose(), "from systemd");
        assert_eq!(secrets.file("credential:edge"), Ok(folder.path().join("edge")));
        assert!(secrets.exposed().is_empty(), "systemd sees to it");
        for wrong in ["credential:gone", "credential:", "credential:../x", "credential:a/b"] {
            assert!(secrets.resolve(wrong).is_err(), "{wrong}");
        }
        check("credential:edge", Err("CREDENTIALS_DIRECTORY is not set"));
    }

    #[test]
    fn a_command_is_run_once_and_a_file_is_found_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        std::fs::write(folder.path().join("secret"), "from file\n").unwrap();
        let environment = Environment::default();
        let secrets = Secrets::new(&environment, folder.path().to_owned());
        let command = format!("command:echo run >> {}; echo s3cret", runs.display());
        for _ in 0..3 {
            assert_eq!(secrets.resolve(&command).unwrap().expose(), "s3cret");
        }
        assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
        assert_eq!(secrets.resolve("file:secret").unwrap().expose(), "from file");
    }
}
